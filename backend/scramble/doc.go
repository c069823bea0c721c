// Package scramble computes what the authentication plugins of MariaDB and TiDB say that the standard library does not do: client_ed25519, parsec and
// tidb_sm3_password. Pure. Those of MySQL's are in backend/wire.
package scramble

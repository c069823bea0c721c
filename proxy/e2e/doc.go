// Package e2e runs real clients against real MariaDB servers, directly and through Segue, and requires the same
// answers. It holds tests only.
//
// # What runs
//
// setup.sh installs the programs. Each test starts MariaDB servers of its own (their own data, ports and sockets, an
// unprivileged user), each with a small health endpoint beside it, and stops them when it ends.
//
// A client is a program under clients/. Called as
//
//	PROGRAM HOST PORT USER PASSWORD SCRATCH_DATABASE suite
//
// it prints one line per check, `name<TAB>value`, in which nothing tells one server from another: no ids, versions,
// ports or times. An outcome that the program did not expect is printed as `!UNEXPECTED …`. Called with `connect N` in
// place of `suite` it connects, asks one question and disconnects, N times.
//
// The lines printed against one server directly and through Segue in front of three must be equal, must be as many
// as clients_test.go says, none may be unexpected, and those that every client can compute have values the
// harness knows (expected_test.go): a client that prints nothing, or the same nonsense twice, fails.
//
// # What a client does
//
// Each check uses a connection of its own, since through Segue two connections reach two servers; what a check
// writes it writes into temporary tables, or into its scratch database and removes it before.
package e2e

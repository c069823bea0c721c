// Package sql asks servers, out of band: SHOW FRONTENDS, cluster_info, what a preflight wants to know. It wraps the client of github.com/go-mysql-org/go-mysql, and
// nothing else of Segue uses that: logins, probes, moves and KILL are of backend/client, which reads nothing without a bound.
//
// What the client lacks is made up for here, so that no server can do harm by what it says or by its silence:
//
//   - It waits for ever: every call is bounded by its context, whose end also cuts off what is being read.
//   - It panics on truncated packets: the greeting is read by backend/wire ahead of it, and any panic becomes an error.
//   - It sends a password in clear to a server that asks for mysql_clear_password: not outside TLS or a Unix socket, nor encrypted with a
//     key that anybody may have shown.
//   - It joins packets, and makes room for as many columns as it is told, without a bound: see maxAnswer, maxLogin and maxColumns.
//   - It turns numbers into numbers: a [Table] has the text that the server sent.
//
// It is for few statements with small answers, far from the path of clients' statements.
package sql

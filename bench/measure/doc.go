// Package measure puts a load on any address of the MySQL protocol and tells what
// a user of it would have felt: the work behind `segue bench`.
//
// # Life of a run
//
//	             schedule ─▶ clients of each class ──▶ the endpoint (a DSN)
//	                            │ answers, faults           ▲
//	marks: script, control ──▶ recorder ─▶ tally            │ afterwards
//	endpoint, Segue's events                 │           store: whose rows
//	                                         ▼              │
//	                     Result  ◀───────────────────── ledger's verdict
//
// [Run] first connects every client that keeps a connection and gives its session
// its state; then time begins. It ends with the duration, with the script, or
// with its context; each client ends what it has begun. Then the rows in the
// tables are compared with what the clients know of them.
//
// # Arrivals
//
// The load is open: each client has a timetable that knows nothing of answers.
// An arrival that finds its client still waiting for the answer before waits too,
// and its response time counts from when it was due, not from when it could be
// sent. So a stall of a second shows as the slow answers of all that were due in
// it (coordinated omission is accounted for); the service time, from the sending
// on, is given beside it. An arrival that ends in an error has no response time;
// how long its client goes without is a stall.
//
// # The rule for counting
//
//   - Nothing is retried. Every attempt to connect and every statement that does
//     not end in its own, complete answer is one error, whatever stands between.
//   - Long-lived clients hold one session and its state: a user variable, a session
//     variable, a database, a prepared statement. Each answer shows them again.
//     Whatever breaks such a session is an error.
//   - Transactions, writers, slow statements and idle pools take their connection
//     as from a pool: it is checked just before use, as go-sql-driver/mysql does
//     for database/sql. Found dead, it is replaced; that is counted apart and is no
//     error, because no application sees it. What goes wrong after the check is one.
//   - After an ERR packet the connection is kept, as applications do; after
//     anything else it is dropped, and its session is lost.
//   - A Stream Load has no session. Each attempt that does not end in its own answer
//     of success is one error, told by how far it had come, whether or not its client
//     sends it again. Of its rows, each with an id of its own, those that were
//     acknowledged must be there once, those of a load that failed (its answer says
//     so, or its last byte was not sent) not at all, and those of which nobody told
//     at most once.
//   - A write is under an id of its own. Acknowledged, it must be there once; with
//     its answer lost, at most once; not committed, not at all; and both rows of a
//     transaction must share their fate.
package measure

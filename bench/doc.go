// Package bench drives a MySQL-protocol cluster the way applications do and
// counts what they would have noticed while its backends were restarted.
//
// # Life of an experiment
//
//	load (workers) ──events──▶ recorder ──▶ Tally + Timeline ──▶ terminal, HTML
//	       │ one address                        ▲
//	       ▼                                    │ marks: leaving, exited, back
//	Segue, or the Balancer (a plain TCP         │
//	load balancer), in front of three FEs ◀── rolling restart
//
// The workers ([Load]) know one address and nothing else. Each answer carries a
// token that only its statement had, so an answer that belongs to somebody
// else is found. What happened becomes an [Event] of one [Kind], by the pure
// function [Classify]; [Tally] and [Timeline] add events up and are pure too.
//
// # The rule for counting
//
// It is the same whatever stands between client and cluster, and stricter than
// a connection pool:
//
//   - Nothing is retried. Every attempt to connect and every statement that
//     does not end in its own, complete answer is one error.
//   - A kept connection is checked for liveness just before each use, as
//     go-sql-driver/mysql does for a pool (CheckConnLiveness). Found closed, it
//     is replaced; that is counted apart ([Reconnected]) and is not an error,
//     because no application sees it. What goes wrong after the check is one.
//   - database/sql is not used: its retries on driver.ErrBadConn would hide
//     errors. The workers hold raw driver connections.
//   - After an error a worker thinks as long as after a success, then asks its
//     next question. How long a client went without a right answer, its failed
//     attempts included, is its wait.
//
// # What this package does not do
//
// It gives no throughput figures worth comparing: in [Demo] servers, proxy and
// clients share one process. [Demo] simulates the servers; it shows the order
// of events an FE's source code prescribes, not the speed of a real one.
package bench

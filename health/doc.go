// Package health probes the backends of a registry and tells it what it finds: up, stopping or down, and why.
//
// A [Monitor] runs one goroutine per backend. In each round that goroutine runs the checks that are due, one after the
// other, combines their verdicts into one, and lets the tally decide whether the backend's health changes:
//
//	HTTP       GET on the health URL, on one kept-alive connection                                  every round
//	bootstrap  GET /api/bootstrap beside it (StarRocks): is the FE's metadata ready?              with the greeting
//	MySQL      the greeting of the MySQL port, or a whole login if there is a user for it    while not up, then rarely
//
// A backend that says that it is leaving is believed at once, from one answer. Silence and refusals count to Fall,
// good answers to Rise. Silence counts once for each Interval that an answer is overdue, while it is awaited: a server that
// hangs is down after Fall intervals, not after Fall timeouts. An answer that comes after all is the answer that it is, and
// who is known to be slow is given more time. While the last verdict disagrees with the health, rounds follow each other at FastInterval.
//
// Rounds of different backends begin together where they can: without traffic it is waking up that costs, not asking.
//
// Three things start a round at once: evidence from real traffic ([Monitor.Observe]), the tripwire (the server closed
// the idle connection to its health port: its process has probably ended), and the first lease after an idle time. If after
// the tripwire nobody listens on either port of the backend, its process has ended: it is down at once.
//
// Where there is no health URL, a doubt does too ([Monitor.Doubt]): clients wait, and nobody is answered.
//
// A check that finds Segue's own configuration wrong (the health URL answers 401 or 404, the probing user is refused)
// says so, and decides nothing: the MySQL greeting then does. So it is with a health URL that has never answered while the MySQL port does.
//
// MySQL and MariaDB count handshakes that a client leaves unfinished, and block its host after max_connect_errors of
// them (ERROR 1129). For the flavor mysql without a probing user the greeting is therefore read only while it is needed,
// and never more than 20 times in a row without a login in between, 10 of them for doubts. A server that hangs is waited for on one
// connection, which costs it one handshake however long it hangs.
package health

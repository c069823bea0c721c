package fesim

import "time"

// Stats counts what has happened at an FE since New, over all its lives.
type Stats struct {
	Accepted     int       // connections accepted at the MySQL port, probes among them
	LastAccepted time.Time // zero: none
	Greetings    int       // greetings sent
	Logins       int       // sessions that got their OK
	LastLogin    time.Time // zero: none
	Statements   int       // statements executed, those of a prepared statement included
	Swept        int       // idle sessions closed while leaving, or by CloseIdle
	Cut          int       // statements that were running when the FE died or closed their session
	Raced        int       // statements that arrived while their session was being closed
	Open         int       // connections at the MySQL port now
	HealthProbes int       // answers of /api/health or /status
}

// Stats returns a copy.
func (f *FE) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}

// count changes the statistics.
func (f *FE) count(change func(*Stats)) {
	f.mu.Lock()
	change(&f.stats)
	f.mu.Unlock()
}

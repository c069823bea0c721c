package loop

import "time"

// Assign counts somebody who is about to join the loop, and whom it is to wait for even if it is to end; Release is for when they have left. Both may be called
// from anywhere.
func (l *Loop) Assign() { l.assigned.Add(1) }

// Release takes back an Assign.
func (l *Loop) Release() {
	if l.assigned.Add(-1) == 0 && l.retiring.Load() {
		l.mail.nudge()
	}
}

// Assigned is how many there are.
func (l *Loop) Assigned() int { return int(l.assigned.Load()) }

// Conns is how many connections the loop has, listeners included.
func (l *Loop) Conns() int { return int(l.conns.Load()) }

// Busy is how long the loop has worked so far. Who asks now and then knows how busy it is.
func (l *Loop) Busy() time.Duration { return time.Duration(l.busy.Load()) }

// Retire has the loop end once it has no connection and nobody is assigned to it. Whoever assigns somebody looks afterwards if the loop is Retiring: if it was
// not, it waits for them.
func (l *Loop) Retire() {
	if !l.retiring.Swap(true) {
		l.mail.nudge()
	}
}

// Retiring reports whether the loop is to end.
func (l *Loop) Retiring() bool { return l.retiring.Load() }

package proxy

import (
	"time"
)

// ReplayLimits say which statements are run again, of those that provably only read, when their backend goes before it has begun to
// answer. The zero value of each field means its default.
type ReplayLimits struct {
	// Attempts is how often one is. Negative: never.
	Attempts int
	// Timeout is for how long one may have been at work, in all, to be run again: what is heavy is not begun anew for ever. Negative: never.
	Timeout time.Duration
	// Reads is what is believed to read only: ReadsKnown, which is the default, or ReadsAny.
	Reads string
}

// What is believed to read only. A view of MySQL's or MariaDB's may call a stored function, which may do anything.
const (
	ReadsKnown = "known" // a statement that names a view is not run again; the next backend is asked
	ReadsAny   = "any"   // views are believed to read
)

// The defaults of ReplayLimits.
const (
	DefaultReplayAttempts = 2
	DefaultReplayTimeout  = time.Minute
)

// allow reports whether a statement that has been run again so often, and was first sent so long ago, may be once more.
func (l ReplayLimits) allow(replays uint8, took time.Duration) bool {
	if l.Attempts == 0 {
		l.Attempts = DefaultReplayAttempts
	}
	if l.Timeout == 0 {
		l.Timeout = DefaultReplayTimeout
	}
	return int(replays) < l.Attempts && took < l.Timeout
}

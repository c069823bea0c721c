package backend

import "time"

// A server locks an account after a few logins with a wrong password (MariaDB: max_password_errors; MySQL, TiDB: FAILED_LOGIN_ATTEMPTS), for
// everybody. So after a refusal nobody tries the same credential for minRefused, doubled with each further refusal up to maxRefused.
const (
	minRefused = time.Second
	maxRefused = time.Minute
)

// Refusals is where one credential of an account stands on one backend. The zero value is that of one that has not been refused. Pure: the
// caller brings the time.
type Refusals struct {
	inARow int
	until  time.Time
}

// Refused notes a login that was refused.
func (r *Refusals) Refused(now time.Time) {
	r.until = now.Add(refusedDelay(r.inARow))
	r.inARow++
}

// Accepted notes one that was not.
func (r *Refusals) Accepted() { *r = Refusals{} }

// Standing reports whether the last login was refused.
func (r *Refusals) Standing() bool { return r.inARow > 0 }

// Until is when the next login may be tried; in the past, or zero: now.
func (r *Refusals) Until() time.Time { return r.until }

// Bar reports whether none may be tried now.
func (r *Refusals) Bar(now time.Time) bool { return now.Before(r.until) }

// refusedDelay is how long no login is tried after one that was refused behind so many others.
func refusedDelay(before int) time.Duration {
	d := minRefused
	for range before {
		if d >= maxRefused {
			break
		}
		d *= 2
	}
	return min(d, maxRefused)
}

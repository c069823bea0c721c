package health

import "time"

const (
	// unusedStretch is how many times longer the interval is while no session uses the backend, up to unusedMax: a
	// thousand sidecars ask the same server.
	unusedStretch = 5
	unusedMax     = 2 * time.Second
	// usedFor is how long a backend counts as used after its last lease.
	usedFor = 5 * time.Second
	// greetingEvery is how many intervals lie between two greetings of a backend that is up.
	greetingEvery = 10
	// maxAlarms is how many rounds the tripwire may start in alarmWindow: some servers close idle connections, and a few
	// close every connection. More than one, because a server that ends may close its connections before its listener.
	maxAlarms   = 3
	alarmWindow = 5 * time.Second
	// doubtEvery is how often doubts may have a backend asked.
	doubtEvery = 500 * time.Millisecond
	// lifeEvery is how often the MySQL port of a backend whose health URL fails is asked while sessions are left on it.
	lifeEvery = time.Second
)

// pace is the time from the beginning of one round to the next, without jitter.
func (o Options) pace(inQuestion, used bool) time.Duration {
	switch {
	case inQuestion:
		return o.FastInterval
	case used:
		return o.Interval
	}
	return max(o.Interval, min(unusedStretch*o.Interval, unusedMax))
}

// patience is how long an answer is awaited before it counts as missed. Pure. That is the interval, so that a server that
// hangs is down after Fall of them; but one that is known to be slow has twice the time that it took lately.
type patience struct {
	slowest time.Duration // good answer of late
}

// heard takes a good answer into account. How slow earlier ones were is forgotten by and by.
func (p *patience) heard(took time.Duration) { p.slowest = max(took, p.slowest-p.slowest/8) }

// miss is how long after the beginning of a check, or after the miss before, its answer is missed.
func (p patience) miss(o Options) time.Duration {
	return max(o.Interval, 2*p.slowest/time.Duration(o.Fall))
}

// alarms limits the rounds that the tripwire starts. Pure.
type alarms struct {
	since time.Time // the window began
	count int       // rounds in it
}

// allows says whether one more round may start now, and counts it.
func (a *alarms) allows(now time.Time) bool {
	if now.Sub(a.since) >= alarmWindow {
		*a = alarms{since: now}
	}
	a.count++
	return a.count <= maxAlarms
}

// next is when a round follows on one that began at last: d later, less up to a tenth of it, never more, so that what happens is
// still seen within the interval. Rounds begin on a beat of a twentieth of d, so that Segue wakes up once for several backends; each
// Segue has its own, which began at beat. random, in [0, 1), chooses one of two beats, so that many Segues do not fall into step. After a
// round that many backends may have had at the same time, spread, it chooses any in d. Pure.
func next(last time.Time, d time.Duration, random float64, spread bool, beat time.Time) time.Time {
	step, choice := d/20, 2.0
	if spread {
		choice = 20
	}
	at := last.Add(d)
	at = at.Add(-at.Sub(beat)%step - step*time.Duration(choice*random))
	if soonest := last.Add(minInterval); at.Before(soonest) {
		return soonest
	}
	return at
}

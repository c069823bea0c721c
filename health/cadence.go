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

// jittered shortens d by up to a tenth; random is in [0, 1). It never lengthens it, so that what happens is still seen
// within the interval.
func jittered(d time.Duration, random float64) time.Duration {
	return d - time.Duration(float64(d)*0.1*random)
}

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
	// falseAlarm is how long the tripwire is ignored after it was tripped by a server that turned out to be well: some
	// servers close idle connections, and a few close every connection.
	falseAlarm = 5 * time.Second
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

// mute is how long the tripwire is ignored after it led to a round with this verdict: a server that closes every
// connection must not be asked without end.
func (o Options) mute(v Verdict) time.Duration {
	if v == Failed {
		return o.Interval
	}
	return falseAlarm
}

// jittered shortens d by up to a tenth; random is in [0, 1). It never lengthens it, so that what happens is still seen
// within the interval.
func jittered(d time.Duration, random float64) time.Duration {
	return d - time.Duration(float64(d)*0.1*random)
}

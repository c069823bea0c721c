package fesim

import "time"

// beState is what a BE is, whether or not FEs know it.
type beState uint8

const (
	gone    beState = iota // no process
	serving                // all is well
	exiting                // SIGTERM has come: it refuses new fragments
)

// moment is a change of a BE.
type moment struct {
	at      time.Time
	state   beState
	version string
}

// knowledge is what the FEs of a cluster know of a BE: what its heartbeats have told the leader.
type knowledge struct {
	status     string // StatusCode; "" before the first heartbeat
	alive      bool
	version    string
	started    time.Time
	lastBeat   time.Time // the last one that was answered
	missed     int       // heartbeats in a row without a good answer
	errMsg     string
	sawExiting bool      // SHUTDOWN has been told to an FE in this life
	blocked    bool      // it has refused a fragment since
	repairedAt time.Time // when its tablets are as the others' again
}

// StatusCodes of SHOW BACKENDS and SHOW COMPUTE NODES.
const (
	statusOK           = "OK"
	statusShutdown     = "SHUTDOWN"
	statusDisconnected = "DISCONNECTED"
)

// hear is one heartbeat (ComputeNode.handleHbResponse) of a BE that is as m says. With deadly, FEs take the answer of a BE that exits for none (3.3);
// retries are the heartbeats that may fail in a row (heartbeat_retry_times) before the BE counts as dead. It reports whether FEs cancel the
// statements that run there: not for SHUTDOWN, which lets them end.
func (k *knowledge) hear(m moment, at time.Time, retries int, deadly bool) (dead bool) {
	switch {
	case m.state == serving:
		dead = !k.started.IsZero() && !k.started.Equal(m.at) // it has been restarted
		if !k.started.Equal(m.at) {
			k.sawExiting = false
		}
		k.status, k.alive, k.version, k.started, k.lastBeat, k.missed, k.errMsg = statusOK, true, m.version, m.at, at, 0, ""
		k.blocked = false
	case m.state == exiting && !deadly:
		k.status, k.alive, k.lastBeat, k.missed, k.sawExiting, k.errMsg = statusShutdown, false, at, 0, true, "BE is shutting down"
	default:
		k.missed++
		if k.missed <= retries {
			return false
		}
		dead = k.status != statusDisconnected
		k.status, k.alive, k.errMsg = statusDisconnected, false, "java.net.ConnectException: Connection refused (Connection refused)"
	}
	return dead
}

// beIs tells what a BE has become. Statements that run on one that has gone are cancelled, and so are the jobs that it worked at.
func (c *Cluster) beIs(b *BE, state beState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.beats(now)
	b.is = moment{at: now, state: state, version: b.is.version}
	if state == serving {
		b.is.version = b.version
	}
	switch state {
	case serving:
		if b.known.status == "" { // a new one is asked at once
			b.known.hear(b.is, now, c.retries, c.deadly)
			return
		}
		b.known.repairedAt = now.Add(c.repair)
	case gone:
		c.cancelFragments(b)
		c.cancelJobs(b, now)
	case exiting:
	}
}

// beats does the heartbeats up to now. While there is no leader there are none. It needs c.mu.
func (c *Cluster) beats(now time.Time) {
	if c.lastBeat.IsZero() || c.leader == nil {
		c.lastBeat = now
		return
	}
	n := int(now.Sub(c.lastBeat) / c.heartbeat)
	first := c.lastBeat.Add(c.heartbeat)
	c.lastBeat = c.lastBeat.Add(time.Duration(n) * c.heartbeat)
	for _, b := range c.bes {
		c.beatsOf(b, first, n)
	}
}

// beatsOf does n heartbeats of b, all of which find it as it is: whatever it becomes, the heartbeats up to then are done before. It needs c.mu.
func (c *Cluster) beatsOf(b *BE, first time.Time, n int) {
	if b.is.at.IsZero() {
		return // never started
	}
	if skip := n - c.retries - 2; skip > 0 { // nothing more can come of those
		first, n = first.Add(time.Duration(skip)*c.heartbeat), n-skip
	}
	for i := range n {
		at := first.Add(time.Duration(i) * c.heartbeat)
		dead := b.known.hear(b.is, at, c.retries, c.deadly)
		if dead {
			c.cancelFragments(b)
		}
		c.judgeLoads(b, at, dead)
	}
}

// exitState says how many fragments a BE runs, and whether an FE has seen that it exits.
func (c *Cluster) exitState(b *BE) (running int, seen bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beats(time.Now())
	return c.running(b), b.known.sawExiting
}

package health

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"segue/backend"
)

// prober probes one backend, on one goroutine: run.
type prober struct {
	// Static after construction.
	m      *Monitor
	b      *backend.Backend
	cancel context.CancelFunc // ends run
	ended  chan struct{}      // closed when run has returned

	// Written by anyone, read by run; they hold one cause each, later ones are dropped.
	evidence chan error
	tripped  chan error
	doubts   chan error

	// Owned by run.
	options   Options // the checkers were made from them
	checks    checks
	budget    budget
	tally     tally
	jitter    float64   // of this round, [0, 1)
	rounds    int       // how many there have been
	lastRound time.Time // beginning of the last round
	doubted   bool      // when it began, the health was in question
	lastGreet time.Time // when the MySQL check last ran
	doubt     error     // one that came too soon after it, or nil
	mysqlNote string    // what that check had to remark
	greets    bool      // and whether the server works by it
	heard     string    // the health URL that has answered something
	lastAsked time.Time // when a silent MySQL port was last asked whether it speaks HTTP
	portNote  string    // and what is to be said of that
	alarms    alarms
	patience  patience
	noted     string // the last remark in the log
}

func newProber(m *Monitor, b *backend.Backend, cancel context.CancelFunc) *prober {
	return &prober{
		m: m, b: b, cancel: cancel,
		ended:    make(chan struct{}),
		evidence: make(chan error, 1),
		tripped:  make(chan error, 1),
		doubts:   make(chan error, 1),
		tally:    tally{health: b.Status().Health},
	}
}

// observe wakes the prober. It never blocks.
func (p *prober) observe(cause error) { offer(p.evidence, cause) }

func (p *prober) trip(cause error) { offer(p.tripped, cause) }

// offer puts cause into c unless there is one already.
func offer(c chan<- error, cause error) {
	select {
	case c <- cause:
	default:
	}
}

// run probes the backend until ctx is done: at once, then each time that a round is due, and when something wakes it.
func (p *prober) run(ctx context.Context) {
	defer close(p.ended)
	defer func() { p.checks.close() }()
	o, reloaded := p.m.current()
	p.options, p.checks = o, p.m.newChecks(o, &p.budget, p.trip)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-reloaded:
			o, reloaded = p.m.current()
			p.setOptions(o)
		case cause := <-p.evidence:
			if h := p.tally.health; h == backend.Up || h == backend.Unknown { // otherwise it is nothing new
				p.wake(ctx, byEvidence, cause)
			}
		case cause := <-p.doubts:
			p.doubt = cause
			p.heed(ctx)
		case cause := <-p.tripped:
			if p.alarms.allows(time.Now()) {
				p.wake(ctx, byTripwire, cause)
			}
		case <-p.taken(): // the next round may be due earlier than it was
		case <-timer.C:
			p.heed(ctx)
			if !time.Now().Before(p.due()) {
				p.round(ctx, byTime)
			}
		}
		timer.Reset(p.untilNext())
	}
}

// heed asks the MySQL port if somebody doubts. It asks at most once in doubtEvery; a doubt that comes sooner waits, rather than be
// forgotten until the greeting that is due by time.
func (p *prober) heed(ctx context.Context) {
	switch cause := p.doubt; {
	case cause == nil:
	case !p.heeds():
		p.doubt = nil
	case time.Since(p.lastGreet) >= doubtEvery:
		p.doubt = nil
		p.wake(ctx, byEvidence, cause)
	}
}

// heeds says whether a doubt is reason to ask.
func (p *prober) heeds() bool {
	h := p.tally.health
	return (h == backend.Up || h == backend.Unknown) && (p.b.Status().HealthURL == "" || p.deaf()) &&
		(!p.options.frugal() || p.budget.allowsDoubt(p.b.Logins()))
}

func (p *prober) setOptions(o Options) {
	if !o.sameChecks(p.options) {
		p.checks.close()
		p.checks = p.m.newChecks(o, &p.budget, p.trip)
	}
	p.options = o
}

// wake runs a round at once, but not sooner than minInterval after the last one began.
func (p *prober) wake(ctx context.Context, why reason, cause error) {
	if !sleep(ctx, minInterval-time.Since(p.lastRound)) {
		return
	}
	p.m.log.LogAttrs(ctx, slog.LevelDebug, "probing at once", slog.String("backend", p.b.Name()),
		slog.Any("cause", cause))
	p.round(ctx, why)
}

// sleep waits for d, and reports false if ctx was done before.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// used says whether a session uses the backend.
func (p *prober) used() bool {
	return p.b.Sessions() > 0 || time.Since(p.b.LastLeased()) < usedFor
}

// taken receives when the backend comes into use: its first session should not have to do with an old health for long. While it
// is used there is nothing to be told.
func (p *prober) taken() <-chan struct{} {
	if p.used() {
		return nil
	}
	return p.b.Taken()
}

// pace is the time from the beginning of one round to the next, without jitter.
func (p *prober) pace() time.Duration { return p.options.pace(p.tally.inQuestion(), p.used()) }

// due is when the next round is due.
func (p *prober) due() time.Time {
	if p.rounds == 0 {
		return p.lastRound
	}
	return next(p.lastRound, p.pace(), p.jitter, p.doubted && !p.tally.inQuestion(), p.m.beat)
}

// untilNext is how long to sleep.
func (p *prober) untilNext() time.Duration {
	d := time.Until(p.due())
	if p.doubt != nil {
		d = min(d, time.Until(p.lastGreet.Add(doubtEvery)))
	}
	return max(d, 0)
}

// begin notes that a round begins.
func (p *prober) begin(now time.Time) {
	p.rounds++
	p.lastRound = now
	p.doubted = p.tally.inQuestion()
	p.jitter = rand.Float64()
}

package health

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"segue/backend"
)

// reason is why a round is run.
type reason uint8

const (
	byTime     reason = iota // it is due
	byEvidence               // from the MySQL port, which is therefore asked in any case
	byTripwire
)

// round runs the checks that are due, one after the other, and takes their verdict into account.
func (p *prober) round(ctx context.Context, why reason) {
	p.begin(time.Now())
	results := p.runChecks(ctx, why)
	if ctx.Err() == nil && len(results) > 0 {
		p.settle(ctx, combine(results...))
	}
}

// runChecks runs the checks that are due. A check whose verdict cannot change that of the round is left out.
func (p *prober) runChecks(ctx context.Context, why reason) []Result {
	results := make([]Result, 0, 3)
	if p.b.Status().HealthURL != "" {
		r := p.checkHealthURL(ctx, why)
		if r.Verdict == Failed && p.heard != p.b.Status().HealthURL {
			return p.withoutHealthURL(ctx, why, r)
		}
		results = append(results, r)
		if r.Verdict == Failed {
			p.lookForLife(ctx)
		}
		if r.Verdict != Passed && r.Verdict != Misconfigured {
			return results
		}
	}
	if why == byEvidence || p.greetingDue() {
		return p.checkMySQL(ctx, results)
	}
	if len(results) > 0 {
		results[0].Cause = join(results[0].Cause, p.mysqlNote)
	}
	return results
}

func (p *prober) checkHealthURL(ctx context.Context, why reason) Result {
	r := p.check(ctx, checkHTTP, p.checks.http)
	switch {
	case r.Verdict == Failed && why == byTripwire && p.gone(ctx):
		r.Verdict = Gone
		return r
	case r.Verdict != Failed:
		p.heard = p.b.Status().HealthURL
	}
	return r
}

// deaf reports whether the backend is judged by its MySQL port alone, because its health URL has never answered and the MySQL port does.
func (p *prober) deaf() bool {
	u := p.b.Status().HealthURL
	return u != "" && p.heard != u && p.greets
}

// withoutHealthURL judges a backend whose health URL has never answered by its MySQL port. If that works, it is the URL that is wrong: clients get through.
func (p *prober) withoutHealthURL(ctx context.Context, why reason, r Result) []Result {
	results := []Result{r}
	if why == byEvidence || !p.greets || p.greetingDue() {
		results = p.checkMySQL(ctx, results)
	}
	if p.greets {
		results[0].Verdict = Misconfigured
		results[0].Cause += wrongHealthURL(p.options.Flavor, p.b.Status())
	}
	if len(results) == 1 {
		results[0].Cause = join(results[0].Cause, p.mysqlNote)
	}
	return results
}

// gone reports whether the process that has just closed its connection has left its ports as well.
func (p *prober) gone(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	return p.checks.refuses(ctx, p.b)
}

// lookForLife asks the MySQL port of a backend that is down by its health URL, while there are sessions on it. The verdict does not depend
// on it, but whether their statements are given up does: see [backend.Backend.LastSpoke].
func (p *prober) lookForLife(ctx context.Context) {
	if p.tally.health != backend.Down || p.b.Sessions() == 0 || time.Since(p.lastGreet) < lifeEvery {
		return
	}
	p.checkMySQL(ctx, nil)
}

// checkMySQL asks the MySQL port, and before that what the health URL does not say. results has the verdict on the
// health URL, if there is one.
func (p *prober) checkMySQL(ctx context.Context, results []Result) []Result {
	if p.checks.bootstrap != nil && len(results) > 0 && results[0].Verdict == Passed {
		r := p.check(ctx, checkBootstrap, p.checks.bootstrap)
		if results = append(results, r); r.Verdict == Failed {
			return results
		}
	}
	p.lastGreet, p.doubt = time.Now(), nil
	r := p.check(ctx, checkMySQL, p.checks.mysql)
	p.mysqlNote, p.greets = "", r.Verdict == Passed || r.Verdict == Full
	switch {
	case r.Verdict == Passed:
		r.Cause = join(r.Cause, wrongFlavor(p.options.Flavor, p.b.Facts()))
	case r.Verdict == Failed && p.b.LastSpoke().IsZero():
		r.Cause += p.portHint(ctx)
	}
	if r.Verdict == Misconfigured { // it has not been asked: whether it lives is not known
		p.b.Spoke()
	}
	if r.Verdict == Passed || r.Verdict == Misconfigured {
		p.mysqlNote = r.Cause
	}
	return append(results, r)
}

// greetingDue says whether the MySQL port is to be asked in this round: always until the backend is up and undoubted,
// then rarely, and never where an unfinished handshake costs something.
func (p *prober) greetingDue() bool {
	switch {
	case p.tally.health != backend.Up || p.tally.inQuestion():
		return true
	case p.trialDue():
		return true
	case p.options.frugal(): // but a remark that no longer holds must go
		return p.mysqlNote == exhausted && p.budget.allows(p.b.Logins())
	}
	return time.Since(p.lastGreet) >= greetingEvery*p.pace()
}

// trialDue says whether the prober should find out by a login if a backend that was full has room. That is also what clients do that
// connect, one of all of them a second.
func (p *prober) trialDue() bool {
	_, full := p.b.Full()
	return full && p.options.User != "" && !p.b.Crowded()
}

// portHint explains a MySQL port that has never said anything. Where an unfinished handshake costs something it is asked once.
func (p *prober) portHint(ctx context.Context) string {
	if p.lastAsked.IsZero() || !p.options.frugal() && time.Since(p.lastAsked) >= silentPortEvery {
		p.lastAsked, p.portNote = time.Now(), ""
		ctx, cancel := context.WithTimeout(ctx, p.options.Timeout)
		if p.checks.speaksHTTP(ctx, p.b) {
			p.portNote = wrongPort(p.options.Flavor, p.b.Address())
		}
		cancel()
	}
	return p.portNote
}

// settle takes the verdict of a round into account: it tells the registry and the log.
func (p *prober) settle(ctx context.Context, r Result) {
	before := p.tally.health
	after := p.tally.observe(r.Verdict, p.options.Rise, p.options.Fall)
	cause := p.cause(r, after)
	if r.Verdict == Passed || r.Verdict == Misconfigured {
		p.remark(ctx, r.Cause)
	}
	p.tell(ctx, before, after, cause, r.Took)
}

// tell tells the registry, and of a change the log.
func (p *prober) tell(ctx context.Context, before, after backend.Health, cause string, took time.Duration) {
	if !p.m.registry.SetHealth(p.b, after, cause) {
		return
	}
	level := slog.LevelWarn
	if after == backend.Up {
		level = slog.LevelInfo
	}
	p.m.log.LogAttrs(ctx, level, "backend health changed", slog.String("backend", p.b.Name()),
		slog.String("from", before.String()), slog.String("to", after.String()), slog.String("cause", cause),
		slog.Duration("took", took))
}

// cause says what is shown for a backend whose health is h after this round.
func (p *prober) cause(r Result, h backend.Health) string {
	if r.Verdict == Full {
		r = Result{Verdict: Passed} // that it is full stands in its status by itself, until it is no more
	}
	if r.Verdict != Passed || h == backend.Up {
		return r.Cause
	}
	if h == backend.Unknown {
		return join(fmt.Sprintf("%d of %d good answers", p.tally.passed, p.options.Rise), r.Cause)
	}
	return p.b.Status().Cause // what brought it down still says more than one good answer
}

// remark logs what the operator should put right, once until it changes.
func (p *prober) remark(ctx context.Context, text string) {
	if text != "" && text != p.noted {
		p.m.log.LogAttrs(ctx, slog.LevelWarn, "probing is misconfigured", slog.String("backend", p.b.Name()),
			slog.String("cause", text))
	}
	p.noted = text
}

// join puts two causes together; either may be empty.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

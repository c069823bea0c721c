package health

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"segue/backend"
)

// check runs one check with its own deadline and waits until it has ended: there is never more than one under way. An answer
// that is overdue counts as missed while it is awaited, so that a server that hangs is down long before the deadline; if
// it comes after all, it is the answer that it is.
func (p *prober) check(ctx context.Context, name string, c Checker) Result {
	probeCtx, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	answer := make(chan Result, 1)
	start := time.Now()
	go p.ask(probeCtx, name, c, answer)
	late := time.NewTimer(p.patience.miss(p.options))
	defer late.Stop()
	if name != checkHTTP && name != checkMySQL || name == checkHTTP && p.deaf() { // silence says nothing there
		late.Stop()
	}
	for {
		select {
		case r := <-answer:
			return p.answered(ctx, name, r)
		case <-late.C:
		}
		if len(answer) > 0 {
			continue // it is Segue that was late
		}
		p.missed(ctx, name, time.Since(start))
		late.Reset(p.patience.miss(p.options))
	}
}

// ask is the goroutine of one check; check waits for it. A check that panics has failed.
func (p *prober) ask(ctx context.Context, name string, c Checker, answer chan<- Result) {
	start := time.Now()
	defer func() {
		if bug := recover(); bug != nil {
			p.m.log.LogAttrs(ctx, slog.LevelError, "check panicked", slog.String("backend", p.b.Name()),
				slog.String("check", name), slog.Any("cause", bug), slog.String("stack", string(debug.Stack())))
			answer <- Result{Failed, fmt.Sprintf("%s check panicked; this is a bug in Segue", name), time.Since(start)}
		}
	}()
	answer <- c.Check(ctx, p.b)
}

// answered takes the end of a check.
func (p *prober) answered(ctx context.Context, name string, r Result) Result {
	if ctx.Err() != nil {
		return r // the verdict is on our own end, not on the backend
	}
	p.m.metrics.observe(p.b.Name(), name, r)
	if r.Verdict != Failed {
		p.tally.heard()
		p.patience.heard(r.Took)
	}
	return r
}

// missed takes into account that a check has not been answered for so long.
func (p *prober) missed(ctx context.Context, name string, silent time.Duration) {
	before := p.tally.health
	if before == backend.Down {
		return
	}
	after := p.tally.miss(p.options.Fall)
	if after == before {
		return
	}
	cause := "mysql"
	if u, err := parseHealthURL(p.b.Status().HealthURL); err == nil && name == checkHTTP {
		cause = place(u)
	}
	p.tell(ctx, before, after, cause+" no answer in "+silent.Round(time.Millisecond).String(), silent)
}

package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// burst is how many lines of one kind may come at once, and perSecond how many from then on. A kind is a message, of a backend where it
	// names one.
	burst     = 100
	perSecond = 10
	// mostKinds is how many kinds there may be. There are not as many messages and backends; whatever else comes is one kind together.
	mostKinds = 4096
)

// sparing is a slog.Handler that leaves lines out of which there are too many: whoever connects, or answers, could have any number of them written.
// What has been left out is said a second later. Lines of level debug are all there: they have been asked for.
type sparing struct {
	slog.Handler
	kinds *kinds
}

func newSparing(next slog.Handler) sparing {
	return sparing{next, &kinds{of: map[string]*kind{}}}
}

// kinds are what lines there have been.
type kinds struct {
	mu sync.Mutex // guards what follows
	of map[string]*kind
}

// kind is one of them. It is guarded by the mutex of its kinds.
type kind struct {
	left float64   // how many lines more may come
	at   time.Time // as of then
	out  int       // lines that have been left out, and of which nothing has been said
}

// Handle implements slog.Handler.
func (s sparing) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelInfo {
		return s.Handler.Handle(ctx, r)
	}
	name := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "backend" {
			name += " " + a.Value.String()
		}
		return true
	})
	k, passes := s.kinds.take(name, r.Time)
	if passes {
		return s.Handler.Handle(ctx, r)
	}
	if k != nil {
		time.AfterFunc(time.Second, func() { s.tell(k, r.Message, r.Level) })
	}
	return nil
}

// tell says how many lines have been left out.
func (s sparing) tell(k *kind, message string, level slog.Level) {
	s.kinds.mu.Lock()
	n := k.out
	k.out = 0
	s.kinds.mu.Unlock()
	r := slog.NewRecord(time.Now(), level, "log lines like others are left out: there were too many of them", 0)
	r.AddAttrs(slog.String("like", message), slog.Int("lines", n))
	_ = s.Handler.Handle(context.Background(), r)
}

// WithAttrs implements slog.Handler.
func (s sparing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return sparing{s.Handler.WithAttrs(attrs), s.kinds}
}

// WithGroup implements slog.Handler.
func (s sparing) WithGroup(name string) slog.Handler {
	return sparing{s.Handler.WithGroup(name), s.kinds}
}

// take tells whether a line may come. Of the first that may not, it gives the kind: that something has been left out is to be told.
func (k *kinds) take(name string, now time.Time) (first *kind, passes bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	of := k.of[name]
	if of == nil && len(k.of) >= mostKinds {
		name = ""
		of = k.of[name]
	}
	if of == nil {
		of = &kind{left: burst, at: now}
		k.of[name] = of
	}
	of.left = min(burst, of.left+max(0, now.Sub(of.at).Seconds())*perSecond)
	of.at = now
	if of.left >= 1 {
		of.left--
		return nil, true
	}
	if of.out++; of.out == 1 {
		return of, false
	}
	return nil, false
}

package top

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"segue/cmd/internal/admin"
	"segue/cmd/internal/ptytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// played is an API that answers as a test says.
type played struct {
	facts func() (*Facts, error)
	steer func(s Steer) (admin.Backend, error)
}

func (p played) Facts(context.Context) (*Facts, error)                   { return p.facts() }
func (p played) Steer(_ context.Context, s Steer) (admin.Backend, error) { return p.steer(s) }

// running is a Run on a terminal of the kernel's.
type running struct {
	*ptytest.Terminal
	t       *testing.T
	signals chan os.Signal
	stopped chan struct{} // told when it would have been stopped
	before  unix.Termios
	ended   chan any // an error, or with what it panicked
}

func start(t *testing.T, api played) *running {
	t.Helper()
	if api.facts == nil {
		api.facts = func() (*Facts, error) { return three(), nil }
	}
	r := &running{Terminal: ptytest.Open(t, 80, 24), t: t, signals: make(chan os.Signal), stopped: make(chan struct{}), ended: make(chan any, 1)}
	r.before = r.Mode()
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r.ended <- p
			}
		}()
		r.ended <- Run(t.Context(), three(), Options{
			API: api, At: "here", In: r.Slave, Out: r.Slave, Every: 10 * time.Millisecond, Signals: r.signals,
			Stop: func() error { r.stopped <- struct{}{}; return nil },
		})
	}()
	r.Shows("segue 1.2")
	if r.Mode() == r.before || r.Restored() == "" {
		t.Error("the terminal has not been taken")
	}
	return r
}

// end waits for the end, and looks whether the terminal is as it was.
func (r *running) end() any {
	r.t.Helper()
	select {
	case e := <-r.ended:
		if mode := r.Mode(); mode != r.before {
			r.t.Errorf("the terminal is not as it was: %+v, was %+v", mode, r.before)
		}
		r.Await("the screen to be given back", func(string) bool { return r.Restored() == "" })
		return e
	case <-time.After(20 * time.Second):
		r.t.Fatalf("it does not end:\n%s", r.Screen())
		return nil
	}
}

func TestRunEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(r *running){
		"q":       func(r *running) { r.Type("q") },
		"ctrl c":  func(r *running) { r.Type("\x03") },
		"SIGTERM": func(r *running) { r.signals <- syscall.SIGTERM },
		"SIGHUP":  func(r *running) { r.signals <- syscall.SIGHUP },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, played{})
			end(r)
			if err := r.end(); err != nil {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

// A bug gives the terminal back before it is told.
func TestRunPanics(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	r := start(t, played{facts: func() (*Facts, error) {
		if broken.Load() {
			panic("a bug while asking")
		}
		return three(), nil
	}})
	broken.Store(true)
	if p, _ := r.end().(string); !strings.HasPrefix(p, "a bug while asking\n\ngoroutine ") {
		t.Errorf("ended with %q", p)
	}
	var empty atomic.Bool // behind the first picture, which would be gone before it is seen
	r = start(t, played{facts: func() (*Facts, error) {
		if empty.Load() {
			return nil, nil // which nobody expects
		}
		return three(), nil
	}})
	empty.Store(true)
	if p, ok := r.end().(runtime.Error); !ok || !strings.Contains(p.Error(), "nil pointer") {
		t.Errorf("ended with %v", p)
	}
}

func TestRunOnAnotherScreen(t *testing.T) {
	t.Parallel()
	r := start(t, played{})
	for _, size := range [][2]int{{120, 40}, {40, 10}, {20, 5}, {80, 24}} {
		r.Resize(size[0], size[1])
		r.signals <- syscall.SIGWINCH
		want := "fe-1"
		if size[0] < leastColumns {
			want = "too small: 40x10"
		}
		r.Shows(want)
	}
	r.Type("q")
	r.end()
}

func TestRunSteers(t *testing.T) {
	t.Parallel()
	steered := make(chan Steer)
	r := start(t, played{steer: func(s Steer) (admin.Backend, error) {
		steered <- s
		if !s.Force {
			return admin.Backend{}, &admin.Error{Code: 409, Text: "the last"}
		}
		return admin.Backend{Name: s.Name, Admin: s.To, Health: 1}, nil
	}})
	r.Type("\x1b[Bd")
	r.Shows("Drain fe-2? [y/N]")
	r.Type("y")
	if s := <-steered; s.Name != "fe-2" || s.Force {
		t.Errorf("%+v", s)
	}
	r.Shows("Drain fe-2 all the same? [y/N]")
	r.Type("y")
	if s := <-steered; !s.Force {
		t.Errorf("%+v", s)
	}
	r.Shows("fe-2: drain, up, 0 sessions")
	r.Type("q")
	r.end()
}

func TestRunOutlivesAnswers(t *testing.T) {
	t.Parallel()
	var gone atomic.Bool
	r := start(t, played{facts: func() (*Facts, error) {
		if gone.Load() {
			return nil, errors.New("connection refused")
		}
		f := three()
		f.Status.Started = noon
		return f, nil
	}})
	r.Shows("Segue has been restarted")
	gone.Store(true)
	r.Shows("connection refused. What stands here is of")
	gone.Store(false)
	r.Shows("Segue answers again")
	r.Type("q")
	r.end()
}

// A sequence that comes in two pieces is one key, and an ESC alone another.
func TestRunKeysInPieces(t *testing.T) {
	t.Parallel()
	r := start(t, played{})
	r.Type("/f\x1b")
	r.Await("Escape", func(s string) bool {
		return !strings.Contains(s, "filter backends") && strings.Contains(s, "> 3 backends\n")
	})
	r.Type("\x1b[200~dy")
	r.Type("\x1b[201~?")
	r.Shows("any key goes on")
	r.Type("xq")
	r.end()
}

// Who stops it has the terminal until it goes on, though the signal that stops it takes a while.
func TestRunStops(t *testing.T) {
	t.Parallel()
	r := start(t, played{})
	r.Type("\x1a")
	<-r.stopped
	began := time.Now()
	for range 3 {
		r.signals <- syscall.SIGWINCH // the last is taken when what came of those before is done
	}
	mode := r.Mode()
	if time.Since(began) < ignoredTime && mode != r.before {
		t.Errorf("the terminal has not been given back, or been taken again: %+v", mode)
	}
	r.Await("the screen to be given back", func(string) bool { return r.Restored() == "" })
	r.signals <- syscall.SIGCONT
	r.Await("the screen to be taken again", func(string) bool { return r.Restored() != "" })
	r.Type("q")
	if err := r.end(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// Where nothing stops it (it has no shell), it goes on by itself.
func TestRunIsNotStopped(t *testing.T) {
	t.Parallel()
	r := start(t, played{})
	r.Type("\x1a")
	<-r.stopped
	r.Await("the screen to be taken again", func(string) bool { return r.Restored() != "" })
	r.Type("q")
	if err := r.end(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// A terminal that has gone is the end.
func TestRunWithoutATerminal(t *testing.T) {
	t.Parallel()
	r := start(t, played{})
	r.HangUp()
	select {
	case e := <-r.ended:
		if err, ok := e.(error); !ok || !strings.Contains(err.Error(), "the terminal") {
			t.Errorf("ended with %v", e)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
}

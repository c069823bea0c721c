package top

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"segue/cmd/internal/admin"
)

// API is the part of the admin API that is needed.
type API interface {
	// Facts asks how everything is.
	Facts(ctx context.Context) (*Facts, error)
	// Steer does something with a backend, and tells how that is then.
	Steer(ctx context.Context, s Steer) (admin.Backend, error)
}

// Options is what Run needs.
type Options struct {
	API     API
	At      string        // what the API is called
	In, Out *os.File      // a terminal
	Every   time.Duration // how often it is asked
	Color   bool
	Signals <-chan os.Signal // window changes and continuations; any other ends it
	Stop    func() error     // stops the process, as Ctrl-Z does; it may return before that has come about
}

// run is one in progress.
type run struct {
	Options
	model    *Model
	terminal *terminal
	asks     chan Steer // to the asker; one without a name asks how everything is
	answers  chan answer
	panics   chan string
	pending  bool             // a question without an answer
	next     time.Time        // when the next is due
	stopping <-chan time.Time // set while the process is to be stopped: it has given the terminal back
}

// answer is one of the API's.
type answer struct {
	facts   *Facts
	steer   Steer
	backend admin.Backend
	err     error
}

// Run shows a running Segue until a key or a signal ends it, or ctx is done. First is what it shows first. The terminal is given back however it ends.
func Run(ctx context.Context, first *Facts, o Options) (err error) {
	r := &run{
		Options: o, model: New(o.At), terminal: &terminal{in: o.In, out: o.Out, color: o.Color},
		asks: make(chan Steer, 4), answers: make(chan answer), panics: make(chan string, 2),
	}
	keys, err := newKeyReader(o.In)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var children sync.WaitGroup
	defer func() {
		cancel()
		keys.end.Close()
		children.Wait()
	}()
	defer r.terminal.leave() // first of all, also in a panic
	if err := r.terminal.enter(); err != nil {
		keys.wake.Close()
		return err
	}
	gone := make(chan error, 1)
	children.Go(func() { r.guard(func() { gone <- keys.run(ctx.Done()) }) })
	children.Go(func() { r.guard(func() { r.answer(ctx) }) })
	r.model.Hear(time.Now(), first, nil)
	r.next = time.Now().Add(o.Every)
	return r.loop(ctx, keys.keys, gone)
}

// guard has a panic of another goroutine be the loop's, which gives the terminal back first.
func (r *run) guard(do func()) {
	defer func() {
		if p := recover(); p != nil {
			r.panics <- fmt.Sprintf("%v\n\n%s", p, debug.Stack())
		}
	}()
	do()
}

// answer asks the API what there is to be asked, one question at a time.
func (r *run) answer(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-r.asks:
			a := answer{steer: s}
			if s.Name == "" {
				a.facts, a.err = r.API.Facts(ctx)
			} else {
				a.backend, a.err = r.API.Steer(ctx, s)
			}
			select {
			case r.answers <- a:
			case <-ctx.Done():
				return
			}
		}
	}
}

// loop is what happens, one thing after the other.
func (r *run) loop(ctx context.Context, keys <-chan []Key, gone <-chan error) error {
	clock := time.NewTicker(min(r.Every, time.Second))
	defer clock.Stop()
	for {
		if err := r.draw(); err != nil {
			return fmt.Errorf("write to the terminal: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case p := <-r.panics:
			panic(p)
		case err := <-gone:
			return err
		case s := <-r.Signals:
			if ends, err := r.signal(s); ends || err != nil {
				return err
			}
		case <-r.stopping: // nothing has stopped it, as where there is no shell that would have it go on
			if err := r.resume(); err != nil {
				return err
			}
		case <-clock.C:
			r.ask()
		case a := <-r.answers:
			r.take(a)
		case pressed := <-keys:
			for _, k := range pressed {
				if ends, err := r.do(r.model.Press(time.Now(), k)); ends || err != nil {
					return err
				}
			}
		}
	}
}

// signal takes one; ends: it was the end.
func (r *run) signal(s os.Signal) (ends bool, err error) {
	switch s {
	case syscall.SIGWINCH:
	case syscall.SIGCONT: // whoever stopped it has had the terminal
		return false, r.resume()
	default:
		return true, nil
	}
	return false, nil
}

// ignoredTime is how long a signal that stops the process may take; after that, it is ignored.
const ignoredTime = time.Second

// stop gives the terminal back and has the process stopped. The signal comes when the kernel wants: the terminal is taken again when the process goes on.
func (r *run) stop() error {
	r.terminal.leave()
	r.stopping = time.After(ignoredTime)
	return r.Stop()
}

// resume takes the terminal again.
func (r *run) resume() error {
	r.stopping = nil
	r.terminal.leave()
	return r.terminal.enter()
}

// draw shows how everything is, where there is a terminal to show it on.
func (r *run) draw() error {
	if r.stopping != nil {
		return nil
	}
	columns, rows := r.terminal.size()
	return r.terminal.draw(r.model.View(time.Now(), columns, rows))
}

// ask asks how everything is, when that is due.
func (r *run) ask() {
	if r.pending || r.model.Still() || time.Now().Before(r.next) {
		return
	}
	r.pending = true
	r.asks <- Steer{}
}

// busy is how many times as long as an answer took nothing is asked: many thousand sessions are some work to list.
const busy = 4

// take takes an answer.
func (r *run) take(a answer) {
	now := time.Now()
	if a.steer.Name != "" {
		r.model.Steered(now, a.steer, a.backend, a.err)
		r.next = now
		return
	}
	r.pending = false
	r.next = now.Add(r.Every)
	if a.facts != nil {
		r.next = a.facts.At.Add(max(r.Every, busy*a.facts.Took))
	}
	r.model.Hear(now, a.facts, a.err)
}

// do does what a key wants done; ends: it was the end.
func (r *run) do(a Action) (ends bool, err error) {
	switch {
	case a.Quit:
		return true, nil
	case a.Redraw:
		r.terminal.forget()
	case a.Suspend:
		if err := r.stop(); err != nil {
			return true, err
		}
	case a.Steer != nil:
		select {
		case r.asks <- *a.Steer:
		default: // it has been typed faster than Segue answers
			r.model.Steered(time.Now(), *a.Steer, admin.Backend{}, errors.New("what was asked before has yet to be answered"))
		}
	}
	return false, nil
}

package loop

import "time"

// feed is the poller of a loop to which goroutines bring everything: on systems without epoll, and in tests of what these get.
type feed struct {
	l     *Loop
	woken chan struct{} // has room for one
}

func newFeed(l *Loop) *feed { return &feed{l, make(chan struct{}, 1)} }

// portable reports whether goroutines feed the loop.
func (l *Loop) portable() bool {
	_, is := l.poller.(*feed)
	return is
}

func (f *feed) run() error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		f.l.begin()
		if left, _ := f.l.turn(); f.l.over {
			return nil
		} else if left {
			continue
		}
		var expired <-chan time.Time
		if due, found := f.l.timers.next(); found {
			timer.Reset(time.Duration(max(0, due-f.l.now)))
			expired = timer.C
		}
		select {
		case <-f.woken:
		case <-expired:
		}
	}
}

func (f *feed) collect() (n int, most, mail bool) { return 0, false, true }

func (f *feed) wake() {
	select {
	case f.woken <- struct{}{}:
	default:
	}
}

func (f *feed) add(int32, uint32, flags) error { return nil }
func (f *feed) room(int32, uint32, bool)       {}
func (f *feed) remove(int32)                   {}
func (f *feed) close()                         {}

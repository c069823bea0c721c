package loop

import (
	"testing"
	"time"
)

type bell struct {
	timers [3]Timer
	rang   chan *Timer
}

func (b *bell) Expired(t *Timer) { b.rang <- t }

func TestTimersOfALoop(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			b := &bell{rang: make(chan *Timer, 3)}
			began := time.Now()
			do(t, l, func() {
				l.Arm(&b.timers[0], b, l.Now()+int64(time.Hour))
				l.Arm(&b.timers[1], b, l.Now()+int64(40*time.Millisecond))
			})
			do(t, l, func() { // the alarm is set already, and must come forward
				l.Arm(&b.timers[2], b, l.Now()+int64(20*time.Millisecond))
				l.Arm(&b.timers[0], b, l.Now()+int64(60*time.Millisecond))
			})
			for _, i := range []int{2, 1, 0} {
				if got := wait(t, b.rang); got != &b.timers[i] {
					t.Fatalf("not in order: timer %d is missing", i)
				}
				if took := time.Since(began); took < time.Duration(20*(3-i))*time.Millisecond {
					t.Errorf("timer %d after %v", i, took)
				}
			}
			do(t, l, func() {
				l.Arm(&b.timers[0], b, l.Now()+int64(10*time.Millisecond))
				l.Arm(&b.timers[1], b, l.Now()+int64(20*time.Millisecond))
				l.Stop(&b.timers[0])
			})
			if got := wait(t, b.rang); got != &b.timers[1] {
				t.Error("a timer that has been stopped rings")
			}
		})
	}
}

package loop

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The heap against a plain list: what is armed, put off, brought forward, stopped and due, in any order.
func FuzzTimers(f *testing.F) {
	f.Add([]byte{1, 10, 2, 20, 3, 5, 0x83, 0, 0xff, 12})
	f.Add([]byte{1, 10, 1, 200, 1, 3, 0xff, 5, 1, 7, 0x81, 0})
	f.Fuzz(func(t *testing.T, program []byte) {
		var h timers
		var all [64]Timer
		model := map[*Timer]int64{}
		now := int64(0)
		for ; len(program) >= 2; program = program[2:] {
			op, arg := program[0], int64(program[1])
			timer := &all[op%64]
			switch {
			case op == 0xff:
				now += arg
				expire(t, &h, model, now)
			case op >= 0x80:
				h.stop(timer)
				delete(model, timer)
			default:
				h.arm(timer, now+arg)
				model[timer] = now + arg
			}
			if len(h.heap) != len(model) {
				t.Fatalf("%d are armed, of %d", len(h.heap), len(model))
			}
			for i := range all {
				if due, armed := model[&all[i]]; armed != all[i].Armed() || armed && due != all[i].Due() {
					t.Fatalf("timer %d: armed %v, due %d; want %v, %d", i, all[i].Armed(), all[i].Due(), armed, due)
				}
			}
		}
		expire(t, &h, model, now+1000)
		if len(h.heap) != 0 {
			t.Fatal("some never expire")
		}
	})
}

// expire expects what is due at now in its order, and nothing else.
func expire(t *testing.T, h *timers, model map[*Timer]int64, now int64) {
	t.Helper()
	last := int64(0)
	for timer := h.expire(now); timer != nil; timer = h.expire(now) {
		due, armed := model[timer]
		if !armed || due > now || due < last {
			t.Fatalf("expired: armed %v, due %d, the one before %d, now %d", armed, due, last, now)
		}
		last = due
		delete(model, timer)
	}
	for _, due := range model {
		if due <= now {
			t.Fatalf("due %d, and not expired at %d", due, now)
		}
	}
}

func TestTimersAtRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h timers
	all := make([]Timer, 5000)
	for range 50000 {
		timer := &all[r.IntN(len(all))]
		if r.IntN(4) == 0 {
			h.stop(timer)
		} else {
			h.arm(timer, r.Int64N(1e6))
		}
	}
	var due []int64
	for timer := h.expire(1e6); timer != nil; timer = h.expire(1e6) {
		due = append(due, timer.Due())
	}
	if !slices.IsSorted(due) || len(due) < 1000 {
		t.Errorf("%d expired, sorted %v", len(due), slices.IsSorted(due))
	}
}

package loop

// TimerOwner is told when a [Timer] of its own has expired; it knows which by its address.
type TimerOwner interface {
	Expired(t *Timer)
}

// Timer is armed by [Loop.Arm] and belongs to that loop until it has expired or been stopped. It is a part of its owner's struct: to arm and to stop
// it takes no memory but a place in the loop's heap. The zero Timer is ready for use.
type Timer struct {
	owner TimerOwner
	due   int64
	place int32 // in the heap, plus one; 0: it is not armed
}

// Armed reports whether the timer is to expire.
func (t *Timer) Armed() bool { return t.place != 0 }

// Due is when it is to expire, by [Loop.Now].
func (t *Timer) Due() int64 { return t.due }

// timers is a heap with four children to a node: as deep as half a binary one, and the children lie in one cache line. Pure.
//
// A timer that is put off stays where it is: most deadlines are put off again and again, and never reached. It moves when it has come to the top.
type timers struct {
	heap []alarm
}

// alarm is a timer's place. key is never later than its due.
type alarm struct {
	key   int64
	timer *Timer
}

const children = 4

// arm lets t expire at due, whether it was armed or not.
func (h *timers) arm(t *Timer, due int64) {
	t.due = due
	switch i := int(t.place) - 1; {
	case i < 0:
		h.heap = append(h.heap, alarm{})
		h.up(len(h.heap)-1, alarm{due, t})
	case due < h.heap[i].key:
		h.up(i, alarm{due, t})
	}
}

// stop lets t not expire.
func (h *timers) stop(t *Timer) {
	if t.place == 0 {
		return
	}
	i, last := int(t.place)-1, len(h.heap)-1
	t.place = 0
	moved := h.heap[last]
	h.heap[last] = alarm{}
	h.heap = h.heap[:last]
	switch {
	case i == last:
	case i > 0 && moved.key < h.heap[(i-1)/children].key:
		h.up(i, moved)
	default:
		h.down(i, moved)
	}
}

// next is when the earliest timer is due.
func (h *timers) next() (due int64, found bool) {
	for len(h.heap) > 0 {
		top := h.heap[0]
		if top.key == top.timer.due {
			return top.key, true
		}
		h.down(0, alarm{top.timer.due, top.timer})
	}
	return 0, false
}

// expire takes out the earliest timer that is due at now; nil: there is none.
func (h *timers) expire(now int64) *Timer {
	due, found := h.next()
	if !found || due > now {
		return nil
	}
	t := h.heap[0].timer
	h.stop(t)
	return t
}

// up puts a at i or above.
func (h *timers) up(i int, a alarm) {
	for i > 0 {
		parent := (i - 1) / children
		if h.heap[parent].key <= a.key {
			break
		}
		h.put(i, h.heap[parent])
		i = parent
	}
	h.put(i, a)
}

// down puts a at i or below.
func (h *timers) down(i int, a alarm) {
	for {
		least := i
		key := a.key
		for c := children*i + 1; c <= children*i+children && c < len(h.heap); c++ {
			if h.heap[c].key < key {
				least, key = c, h.heap[c].key
			}
		}
		if least == i {
			break
		}
		h.put(i, h.heap[least])
		i = least
	}
	h.put(i, a)
}

func (h *timers) put(i int, a alarm) {
	h.heap[i] = a
	a.timer.place = int32(i + 1)
}

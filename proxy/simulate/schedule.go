package simulate

// schedule is what is to happen, by time and then in the order in which it was said.
type schedule struct {
	heap []event
	said uint64
}

type event struct {
	at  int64 // since the world's beginning
	nth uint64
	run func()
}

func (e *event) before(f *event) bool { return e.at < f.at || e.at == f.at && e.nth < f.nth }

func (s *schedule) add(at int64, run func()) {
	s.said++
	s.heap = append(s.heap, event{at, s.said, run})
	for i := len(s.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !s.heap[i].before(&s.heap[up]) {
			break
		}
		s.heap[i], s.heap[up] = s.heap[up], s.heap[i]
		i = up
	}
}

// next is when the next is due.
func (s *schedule) next() (at int64, any bool) {
	if len(s.heap) == 0 {
		return 0, false
	}
	return s.heap[0].at, true
}

func (s *schedule) take() func() {
	run, last := s.heap[0].run, len(s.heap)-1
	s.heap[0], s.heap[last] = s.heap[last], event{}
	s.heap = s.heap[:last]
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < last; c++ {
			if s.heap[c].before(&s.heap[least]) {
				least = c
			}
		}
		if least == i {
			return run
		}
		s.heap[i], s.heap[least] = s.heap[least], s.heap[i]
		i = least
	}
}

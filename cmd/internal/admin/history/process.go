package history

import "maps"

// process is what one had counted at the last look, and which sessions it had.
type process struct {
	look Look
	last map[string]Reading // of each backend that it has ever told of, as long as there is a lane for it
}

func newProcess(look Look) *process {
	p := &process{last: map[string]Reading{}}
	p.keep(look)
	return p
}

func (p *process) keep(look Look) {
	p.look = look
	p.look.Failures, p.look.Moves = maps.Clone(look.Failures), maps.Clone(look.Moves)
	for _, b := range look.Backends {
		p.last[b.Name] = b
	}
}

// count is what all processes have counted since the last look, with the sessions that each backend has now, and those of all. What another process had
// counted before it was seen first, the history that it has handed on has already.
func (h *History) count(look Look) (more Look, sessions map[string]int, total int) {
	more, sessions = Look{Failures: map[Failing]uint64{}, Moves: map[Moving]uint64{}}, map[string]int{}
	maps.DeleteFunc(h.processes, func(pid int32, _ *process) bool { _, there := look.Others[pid]; return pid != 0 && !there })
	h.processes[0].grow(look, &more)
	for pid, c := range look.Others {
		switch p := h.processes[pid]; {
		case c == nil: // it does not answer just now
		case p == nil:
			h.processes[pid] = newProcess(c.look())
		default:
			p.grow(c.look(), &more)
		}
	}
	for _, p := range h.processes {
		total += p.look.Sessions
		for _, b := range p.look.Backends {
			sessions[b.Name] += b.Sessions
		}
		maps.DeleteFunc(p.last, func(name string, _ Reading) bool { return h.lanes[name] == nil })
	}
	return more, sessions, total
}

// grow adds to more what the process has counted since the last look.
func (p *process) grow(look Look, more *Look) {
	for under, n := range look.Failures {
		if n = grown(n, p.look.Failures[under]); n > 0 {
			more.Failures[under] += n
		}
	}
	for under, n := range look.Moves {
		if n = grown(n, p.look.Moves[under]); n > 0 {
			more.Moves[under] += n
		}
	}
	for _, b := range look.Backends {
		last := p.last[b.Name]
		more.Backends = append(more.Backends, Reading{
			Name: b.Name, Statements: grown(b.Statements, last.Statements), Errors: grown(b.Errors, last.Errors), Times: b.Times.Since(last.Times),
		})
	}
	p.keep(look)
}

// Counted is what this process alone had counted at the last look.
func (h *History) Counted() Counted {
	h.mu.Lock()
	defer h.mu.Unlock()
	look := h.processes[0].look
	c := Counted{Sessions: look.Sessions, Backends: append([]Reading{}, look.Backends...), Failures: []Failures{}, Moves: []Moves{}}
	for under, n := range look.Failures {
		c.Failures = append(c.Failures, Failures{Failing: under, Count: n})
	}
	for under, n := range look.Moves {
		c.Moves = append(c.Moves, Moves{Moving: under, Count: n})
	}
	return c
}

// Measure has what another process counts be held against c from now on: until then, what it had counted is part of a history that has been inherited.
func (h *History) Measure(pid int32, c Counted) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.processes[pid] = newProcess(c.look())
}

func (c *Counted) look() Look {
	look := Look{Sessions: c.Sessions, Backends: c.Backends, Failures: map[Failing]uint64{}, Moves: map[Moving]uint64{}}
	for _, f := range c.Failures {
		look.Failures[f.Failing] = f.Count
	}
	for _, m := range c.Moves {
		look.Moves[m.Moving] = m.Count
	}
	return look
}

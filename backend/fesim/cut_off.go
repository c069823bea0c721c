package fesim

import "maps"

// labelState is what get_load_state says of a label.
type labelState struct {
	state  LoadState
	reason string
}

// CutOff cuts the leader off from the other FEs, which elect another and take it for dead; BEs hear the new one. It does not know: its health is good, and
// of labels it says what it knew by then, as the leader. What it would have to write kills it (exit code 255). Start heals it. On another FE CutOff does nothing.
// That BDB JE's master behaves so until it has to write is known of BDB JE, not read in FEs.
func (f *FE) CutOff() {
	c := f.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leader != f || c.solo {
		return
	}
	f.stale = make(map[string]labelState)
	for name, t := range c.loads.byName {
		f.stale[name] = labelState{state: t.state, reason: t.reason}
	}
	c.leave(f)
}

// cutOff returns what an FE that is cut off knows of labels; nil if it is not.
func (f *FE) cutOff() map[string]labelState {
	f.cluster.mu.Lock()
	defer f.cluster.mu.Unlock()
	return maps.Clone(f.stale)
}

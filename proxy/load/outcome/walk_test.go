package outcome

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A model of a cluster and of what can befall a load there, in which every order of things is walked through: losses before, in and behind the body, nodes that die or go on without us, begins that come late, commits that
// come late, leaders that forget what is only in memory, labels that are forgotten once finished, and questions that are lost. Whatever Next decides must keep its promises in all of them.

// phase is where an attempt's transaction is, at the leader.
type phase uint8

const (
	none      phase = iota
	pending         // the node has the head; its begin may still come
	refused         // the label was in use
	prepare         // begun
	lostMind        // begun, and forgotten by the next leader, which refuses its commit
	aborted_        // rolled back, cancelled, timed out
	committed       // its rows are in the table
	evicted         // … and its label is forgotten
)

type attempt struct {
	phase   phase
	whole   bool  // the node lives and has the whole body: it may commit
	foreign bool  // another request of the client's, under the same label
	label   uint8 // 0, or which fresh one
	order   uint8 // of its begin
	end     uint8 // of its end, in the order in which the leader forgets
}

// With 4 it holds as well; that takes minutes.
const mostAttempts = 3

type world struct {
	attempts [mostAttempts]attempt
	n        uint8
	begins   uint8
	ends     uint8
	label    uint8
	rows     uint8 // how often this load was committed
	witness  bool  // an older load of the database is still known
}

// sorts of loads.
type sort struct {
	label   Label
	kept    bool
	empty   bool // a body of length 0: all of it goes with the head
	twoPC   bool
	foreign bool // another request of the client's has the label when it begins, or takes it later
	prefix  bool // group commit: whatever has come may be committed
	stale   bool // a leader of yesterday may answer that it does not know the label, and that it knows the witness
}

type node struct {
	f Facts
	w world
	a Action
}

func (w *world) holder(label uint8) *attempt { // who has the label in use
	for i := range w.attempts[:w.n] {
		if a := &w.attempts[i]; a.label == label && (a.phase == prepare || a.phase == committed) {
			return a
		}
	}
	return nil
}

func (w *world) latest(label uint8) (last *attempt) {
	for i := range w.attempts[:w.n] {
		a := &w.attempts[i]
		if a.label == label && (a.phase == prepare || a.phase == committed || a.phase == aborted_) && (last == nil || a.order > last.order) {
			last = a
		}
	}
	return last
}

func (w *world) end(a *attempt, how phase) {
	w.ends++
	a.phase, a.end = how, w.ends
}

// oldest is the finished transaction that is forgotten next.
func (w *world) oldest() (first *attempt) {
	for i := range w.attempts[:w.n] {
		if a := &w.attempts[i]; (a.phase == aborted_ || a.phase == committed) && (first == nil || a.end < first.end) {
			first = a
		}
	}
	return first
}

func (w *world) begin(a *attempt) {
	w.begins++
	a.phase, a.order = prepare, w.begins
}

// plain is w without what makes no difference any more, so that worlds that go on alike are one.
func (w world) plain() world {
	for i := range w.attempts[:w.n] {
		switch a := &w.attempts[i]; a.phase {
		case none, refused, lostMind:
			*a = attempt{label: a.label}
		case aborted_:
			a.whole = false
		case evicted:
			*a = attempt{phase: evicted, foreign: a.foreign, label: a.label}
		case committed:
			a.whole = false
		case pending, prepare:
		}
	}
	w.begins, w.ends = 0, 0
	rank := func(of func(*attempt) *uint8) (highest uint8) {
		var ranks [mostAttempts]uint8
		for i := range w.attempts[:w.n] {
			if mine := *of(&w.attempts[i]); mine > 0 {
				for j := range w.attempts[:w.n] {
					if other := *of(&w.attempts[j]); other > 0 && other <= mine {
						ranks[i]++
					}
				}
			}
		}
		for i := range w.attempts[:w.n] {
			*of(&w.attempts[i]) = ranks[i]
			highest = max(highest, ranks[i])
		}
		return highest
	}
	w.begins = rank(func(a *attempt) *uint8 { return &a.order })
	w.ends = rank(func(a *attempt) *uint8 { return &a.end })
	return w
}

// spontaneous are the worlds that w may turn into by itself.
func (w world) spontaneous(s sort) (next []world) {
	for i := range w.attempts[:w.n] {
		v := w
		a := &v.attempts[i]
		switch a.phase {
		case pending:
			if v.holder(a.label) != nil {
				a.phase = refused
			} else {
				v.begin(a)
			}
			next = append(next, v)
		case prepare:
			if a.whole && !s.twoPC { // a load in two phases is committed by its client alone
				v.end(a, committed)
				if !a.foreign {
					v.rows++
				}
				next = append(next, v)
				v, a = w, &v.attempts[i]
				v = w
			}
			v.end(a, aborted_)
			next = append(next, v)
		default: // nothing comes of it by itself
		}
		if v = w; v.attempts[i].whole { // the node dies
			v.attempts[i].whole = false
			next = append(next, v)
		}
	}
	// The client sends it again, elsewhere. Not behind this load's own commit, once that is forgotten: by their label they cannot be told apart.
	if s.foreign && w.n < mostAttempts && w.holder(w.label) == nil && !slices.ContainsFunc(w.attempts[:w.n], func(a attempt) bool { return a.phase == evicted && !a.foreign }) {
		v, _ := w.with(attempt{foreign: true, whole: true})
		v.begin(&v.attempts[v.n-1])
		next = append(next, v)
	}
	v, changed := w, false // another leader
	for i := range v.attempts[:v.n] {
		if v.attempts[i].phase == prepare {
			v.attempts[i].phase, changed = lostMind, true
		}
	}
	if changed {
		next = append(next, v)
	}
	if s.stale { // not both at a time
		return next
	}
	v = w // a finished label is forgotten, the oldest first
	first := v.oldest()
	switch {
	case v.witness:
		v.witness = false
	case first == nil:
		return next
	case first.phase == committed:
		first.phase = evicted
	default:
		first.phase = none
	}
	return append(next, v)
}

// step is what may happen upon an action.
type step struct {
	f Facts
	e Event
	w world
}

func (n node) steps(s sort) []step {
	f, w := n.f, n.w
	switch n.a {
	case SendFresh:
		for _, a := range w.attempts[:w.n] {
			if a.label == w.label { // otherwise the label that no node has seen is as good as a fresh one
				w.label++
				break
			}
		}
		fallthrough
	case AskFrontend, SendAgain:
		return []step{{f, Redirected, w}, {f, FrontendLost, w}, {f, NoFrontend, w}}
	case TryNode:
		return tryNode(f, w, s)
	case Stream:
		return stream(f, w, s)
	case AskLabel:
		all := askLabel(f, w)
		if s.stale {
			all = append(all, step{f, StateUnknown, w})
		}
		return all
	case AskWitness:
		all := []step{{f, WitnessUnknown, w}, {f, OutOfTime, w}}
		if w.witness || s.stale {
			all = append(all, step{f, WitnessKnown, w})
		}
		return all
	case Cancel:
		done := w
		if a := done.holder(w.label); a != nil && a.phase == prepare {
			done.end(a, aborted_)
		}
		return []step{{f, Cancelled, w}, {f, Cancelled, done}}
	default:
		return nil
	}
}

func (w world) with(a attempt) (world, *attempt) {
	a.label = w.label
	w.attempts[w.n] = a
	w.n++
	return w, &w.attempts[w.n-1]
}

func tryNode(f Facts, w world, s sort) []step {
	f.Sent, f.Kept = Nothing, true
	all := []step{{f, Unreachable, w}, {f, NoNode, w}}
	if w.n == mostAttempts {
		return all
	}
	if f.Label == NoLabel {
		w.label = w.n + 10 // the node makes one for each
	}
	hindered, _ := w.with(attempt{phase: pending})
	all = append(all, step{f, Leaving, hindered})
	lostHead, _ := w.with(attempt{phase: pending, whole: s.empty})
	g := f
	if s.empty {
		g.Sent = Everything
	}
	all = append(all, step{g, NodeLost, lostHead}, step{g, NodeLost, w})
	if h := w.holder(w.label); h != nil {
		e := ExistsRunning
		if h.phase == committed {
			e = ExistsFinished
		}
		return append(all, step{f, e, w})
	}
	if s.empty {
		return all
	}
	begun := w
	begun.attempts[w.n] = attempt{label: w.label}
	begun.n++
	begun.begin(&begun.attempts[w.n])
	return append(all, step{f, Continue, begun})
}

// stream has the last attempt take the body, or a part of it.
func stream(f Facts, w world, s sort) (all []step) {
	last := w.own()
	for _, sent := range []Sent{Nothing, Part, Everything} {
		g := f
		g.Sent, g.Kept, g.Prefix = sent, s.kept, s.prefix
		all = append(all, step{g, NodeLost, w})
		if sent == Part && s.prefix {
			part := w
			part.attempts[last].whole = true
			all = append(all, step{g, NodeLost, part})
		}
		if sent != Everything {
			continue
		}
		whole := w
		whole.attempts[last].whole = true
		all = append(all, step{g, NodeLost, whole}, step{g, Doubtful, whole}, step{g, Doubtful, w})
		for _, v := range whole.spontaneous(s) { // it comes to its end before the answer does
			switch v.attempts[last].phase {
			case committed:
				all = append(all, step{g, Loaded, v}, step{g, NodeLost, v}, step{g, Doubtful, v})
			case aborted_, lostMind:
				all = append(all, step{g, Failed, v}, step{g, NodeLost, v}, step{g, Doubtful, v})
			default: // it has not come to its end
			}
		}
	}
	return all
}

func askLabel(f Facts, w world) []step {
	all := []step{{f, StateLost, w}, {f, OutOfTime, w}}
	e := StateUnknown
	if a := w.latest(w.label); a != nil {
		e = map[phase]Event{prepare: StateOpen, committed: StateCommitted, aborted_: StateAborted}[a.phase]
	}
	all = append(all, step{f, e, w})
	if last := w.own(); last >= 0 && !w.attempts[last].whole {
		f.Dead = true
		all = append(all, step{f, e, w})
	}
	return all
}

// loadable says whether this load may still come into the table by itself.
func loadable(w world, s sort, seen map[world]bool) bool {
	if seen[w] {
		return false
	}
	seen[w] = true
	for _, v := range w.spontaneous(s) {
		if v.rows > w.rows || loadable(v, s, seen) {
			return true
		}
	}
	return false
}

func (w world) foreignCommitted() bool {
	for _, a := range w.attempts[:w.n] {
		if a.foreign && (a.phase == committed || a.phase == evicted) {
			return true
		}
	}
	return false
}

// own is the last attempt of this load; below 0: there is none.
func (w world) own() int {
	for i := int(w.n) - 1; i >= 0; i-- {
		if !w.attempts[i].foreign {
			return i
		}
	}
	return -1
}

// superseded says whether a foreign transaction began behind one of this load's: by their label alone they cannot be told apart.
func (w world) superseded(h *attempt) bool {
	for _, a := range w.attempts[:w.n] {
		if !a.foreign && a.label == h.label && a.phase != pending && a.phase != refused {
			return true
		}
	}
	return false
}

// judge says what is untrue of an answer.
func judge(n node, e Event, s sort) string {
	w := n.w
	switch {
	case n.a == AnswerLoaded && w.rows != 1 && !w.foreignCommitted():
		return "Success is answered, and it is not loaded"
	case n.a == AnswerExists && w.rows != 0:
		return "it is told that another request loaded it, and it is its own"
	case n.a == Pass && e == ExistsFinished && w.rows != 0:
		return "its own success is passed as another's"
	case n.a == AnswerNothing && (w.rows != 0 || loadable(w, s, map[world]bool{})):
		return "nothing is said to be loaded, and it is, or may come to be"
	case n.a == Pass && e == Loaded && w.rows != 1:
		return "the node's success is passed, and it is not loaded"
	case n.a == Pass && e == Failed && (w.rows != 0 || loadable(w, s, map[world]bool{})):
		return "a failure is passed, and it is loaded, or may come to be"
	case n.a == Pass && e == OutOfTime && (w.rows != 0 || loadable(w, s, map[world]bool{})):
		return "an earlier attempt's answer is passed, and it is loaded, or may come to be"
	}
	return ""
}

// ends says whether it ends when from here on nothing succeeds any more.
func ends(f Facts, a Action) bool {
	for range 30 {
		var e Event
		switch a {
		case AskFrontend, SendAgain, SendFresh:
			e = NoFrontend
		case TryNode:
			e = NoNode
		case Stream:
			e = NodeLost
		case AskLabel, AskWitness:
			e = OutOfTime
		case Cancel:
			e = Cancelled
		default:
			return a.Final()
		}
		f, a = Next(f, e)
	}
	return false
}

type visit struct {
	node
	by   Event
	path []string
}

func walk(t *testing.T, s sort) (states int, answers map[Action]int) {
	t.Helper()
	start := node{f: Facts{Label: s.label, Precommitted: s.twoPC}, w: world{witness: true}}
	if s.foreign {
		start.w, _ = start.w.with(attempt{phase: prepare, whole: true, foreign: true})
	}
	start.f, start.a = Next(start.f, Started)
	type key struct {
		node
		by Event // of final ones
	}
	seen, answers := map[key]bool{}, map[Action]int{}
	todo := []visit{{node: start}}
	push := func(v visit, how string) {
		v.w = v.w.plain()
		k := key{node: v.node}
		if v.a.Final() {
			k.by = v.by
		}
		if !seen[k] {
			seen[k] = true
			v.path = append(slices.Clip(v.path), how)
			todo = append(todo, v)
		}
	}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if v.w.rows > 1 {
			t.Fatalf("%+v: loaded %d times:\n%s", s, v.w.rows, strings.Join(v.path, "\n"))
		}
		if v.a.Final() {
			answers[v.a]++
			if wrong := judge(v.node, v.by, s); wrong != "" {
				t.Fatalf("%+v: %s:\n%s\n%+v", s, wrong, strings.Join(v.path, "\n"), v.w)
			}
			continue
		}
		if v.a == Cancel {
			if h := v.w.holder(v.w.label); h != nil && h.foreign && v.w.n > 0 && !v.w.superseded(h) {
				t.Fatalf("%+v: another request's transaction is cancelled:\n%s", s, strings.Join(v.path, "\n"))
			}
		}
		if !ends(v.f, v.a) {
			t.Fatalf("%+v: it does not end:\n%s", s, strings.Join(v.path, "\n"))
		}
		for _, w := range v.w.spontaneous(s) {
			push(visit{node: node{v.f, w, v.a}, by: v.by, path: v.path}, "…")
		}
		for _, st := range v.steps(s) {
			f, a := Next(st.f, st.e)
			if !a.Final() {
				answers[a]++
			}
			push(visit{node: node{f, st.w, a}, by: st.e, path: v.path}, fmt.Sprintf("event %d (sent %d) → action %d", st.e, st.f.Sent, a))
		}
	}
	return len(seen), answers
}

// Whatever happens in whatever order: never loaded twice, no answer untrue, and an end to it.
func TestEveryWay(t *testing.T) {
	all := 0
	for _, s := range []sort{
		{label: Theirs, kept: true},
		{label: Theirs},
		{label: Ours, kept: true},
		{label: Ours},
		{label: NoLabel, kept: true},
		{label: NoLabel},
		{label: Theirs, empty: true, kept: true},
		{label: Ours, empty: true, kept: true},
		{label: Theirs, twoPC: true, kept: true},
		{label: Ours, twoPC: true, kept: true},
		{label: Theirs, kept: true, foreign: true},
		{label: NoLabel, kept: true, prefix: true},
		{label: Ours, kept: true, stale: true},
	} {
		states, answers := walk(t, s)
		for _, want := range []Action{AnswerLoaded, SendAgain, SendFresh, AnswerUnknown} { // a machine that always says that it does not know would be true as well
			can := map[Action]bool{AnswerLoaded: s.label != NoLabel && !s.twoPC && !s.empty, SendAgain: s.kept && !s.empty && (!s.twoPC || s.label != Ours), SendFresh: s.label == Ours && s.kept && !s.empty, AnswerUnknown: !s.twoPC}[want]
			if can && answers[want] == 0 {
				t.Errorf("%+v: action %d never comes", s, want)
			}
		}
		t.Logf("%+v: %d states; answers %v", s, states, answers)
		all += states
	}
	if all < 10_000 {
		t.Errorf("%d states only: the walk does not get anywhere", all)
	}
}

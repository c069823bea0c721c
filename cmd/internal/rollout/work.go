package rollout

import (
	"cmp"
	"fmt"
	"time"

	"segue/backend"
)

// work says what is to be done with the node in work.
func (s *State) work(f *Facts, p *Progress) Act {
	n := f.Node(p.Node)
	if n == nil {
		return s.missing(f, p)
	}
	if n.gone() || unreached(f, n) {
		p.Looks++
	} else {
		p.Looks = 0
	}
	switch p.Phase {
	case Draining:
		return s.draining(f, p, n)
	case Stopping:
		return s.stopping(f, p, n)
	case Leaving:
		return s.leaving(f, p, n)
	case Changing, Starting:
		return s.changing(f, p, n)
	case Returning:
		return s.returning(f, p, n)
	case Admitting:
		return s.admitting(f, p, n)
	case Checking:
		return s.checking(f, p, n)
	case Waiting, Done, Left:
	}
	s.Current = ""
	return s.choose(f)
}

// missing waits for the cluster to tell of a node again: that nobody does is no sign that its process has ended.
func (s *State) missing(f *Facts, p *Progress) Act {
	why := cmp.Or(f.Unseen[CheckMembers], "it is not among its nodes")
	if f.Now.Sub(p.Since) > s.Ask.Limits.Patience+s.Ask.Limits.Return {
		return s.pause(f.Now, p, "the cluster does not tell of "+p.Node+": "+why, "look at its frontends, and add the node again if it was dropped; then `segue rollout run --resume`")
	}
	return Act{Do: DoWait, Node: p.Last, Why: "the cluster to tell of " + p.Node + ": " + why}
}

// restarted tells whether the node is another process than before.
func (p *Progress) restarted(n *Node, now time.Time) bool {
	same, known := p.sameProcess(n, now)
	return known && !same && n.Alive && n.Listening != No
}

// onItsWay is how long a node that was told to stop may look as if it were not.
const onItsWay = 10 * time.Second

// draining waits until no Segue has a session on the node, and asks once more whether it may be stopped.
func (s *State) draining(f *Facts, p *Progress, n *Node) Act {
	switch {
	case s.overBudget() != "" && !s.Back:
		return s.spent(f, p, s.overBudget())
	case s.overtaken(f, n) && (!p.Stopped || !s.Back): // the one in work is taken back first
		if p.Stopped && n.serves() == "" && f.Now.Sub(p.Since) < onItsWay {
			return Act{Do: DoWait, Node: *n, Why: "it leads by now; whether it was told to stop shows soon"}
		}
		if !p.Stopped || n.serves() == "" {
			return s.release(f, p, n)
		}
	}
	if p.Again { // it was let in between a pause and a resume: an operator may have said something else since
		p.Again = false
		p.stood(f, n)
	}
	if n.Role == Leader {
		p.seeLoads(f, n)
	}
	if n.stores() && !p.Told && (!p.Disabled || p.DisabledFor != "") {
		p.Avoided = true // said before it is done: what is cut off between the two is taken back as well
		return Act{Do: DoDrain, Node: *n, Why: "have frontends avoid it"}
	}
	if why, drain := s.undrained(f, n); drain || why != "" {
		if f.Now.Sub(p.Since) > s.Ask.Limits.Drain {
			return s.pause(f.Now, p, fmt.Sprintf("%s has not been left within %v: %s", n.Name, s.Ask.Limits.Drain, why), "`segue sessions`, and with --loads, says what stays; then `segue rollout run --resume`")
		}
		if drain {
			p.drains(f, n)
			return Act{Do: DoDrain, Node: *n, Why: why}
		}
		return Act{Do: DoWait, Node: *n, Why: why}
	}
	if p.Stopped && (n.gone() || p.restarted(n, f.Now) || n.serves() != "") {
		s.enter(p, Stopping, f.Now)
		return s.stopping(f, p, n)
	}
	if !f.Whole {
		return Act{Do: DoWait, Node: *n}
	}
	if blocking := Blocking(Preflight(f, s, n)); len(blocking) > 0 {
		return s.hold(f, p, blocking)
	}
	s.Held, s.HeldFrom = "", time.Time{}
	s.enter(p, Stopping, f.Now)
	p.Stopped = true
	return Act{Do: DoStop, Node: *n}
}

// stopping goes on where nobody knows whether the stop was begun: behind a broken terminal. A node that still serves may lead by now, or have clients again: whether it may be
// stopped is asked anew. One that is on its way is told once more.
func (s *State) stopping(f *Facts, p *Progress, n *Node) Act {
	why, drain := s.undrained(f, n)
	switch {
	case n.gone(), p.restarted(n, f.Now):
		s.enter(p, Leaving, f.Now)
		return s.leaving(f, p, n)
	case n.serves() == "", why != "", drain:
		s.enter(p, Draining, f.Now)
		p.Told = false
		return s.draining(f, p, n)
	}
	return Act{Do: DoStop, Node: *n}
}

// overtaken tells whether the node has become the leader while others are to go before it.
func (s *State) overtaken(f *Facts, n *Node) bool {
	if n.Role != Leader && n.Role != Primary {
		return false
	}
	for _, t := range Order(f, s.Back) {
		p := s.of(t.Node)
		if t.Node != n.Name && p != nil && p.Phase == Waiting && rankOf(f, t.Node, s.Back) < rank(n, s.Back) {
			return true
		}
	}
	return false
}

func rankOf(f *Facts, name string, back bool) int { return rank(f.Node(name), back) }

// release lets a node be that was not stopped yet.
func (s *State) release(f *Facts, p *Progress, n *Node) Act {
	if why, admit := s.unadmitted(f, n); admit {
		return s.of(n.Name).admit(n, "it leads by now, and goes later; "+why)
	}
	s.enter(p, Waiting, f.Now)
	p.Began, p.Loads, s.Current = time.Time{}, nil, ""
	s.note(f.Now, n.Name, "wait", "it leads by now, and goes later")
	return s.choose(f)
}

// admit has the node used again, and has what operators had said of it before said again.
func (p *Progress) admit(n *Node, why string) Act {
	a := Act{Do: DoAdmit, Node: *n, Why: why, Stood: p.Stood}
	a.Node.DisabledFor = p.DisabledFor
	return a
}

// undrained says why the node may still have sessions, and whether a Segue is to be told (again).
func (s *State) undrained(f *Facts, n *Node) (why string, drain bool) {
	sessions, stuck := 0, ""
	loads, oldest := 0, ""
	for i := range f.Segues {
		g := &f.Segues[i]
		if g.Error != "" {
			if !s.Ask.MayMiss(g.Address) {
				return fmt.Sprintf("Segue %s cannot be asked: %s", g.Address, g.Error), false
			}
			continue
		}
		if list := g.loads(n, s.of(n.Name)); len(list) > 0 {
			if loads += len(list); oldest == "" {
				oldest = fmt.Sprintf("; load %d of %s into %s, label %s", list[0].ID, list[0].User, list[0].Table, list[0].Label)
			}
		}
		b := g.Backend(n)
		if b == nil {
			continue // said by the preflight
		}
		if b.Admin == backend.Ready {
			return "drain it in Segue " + g.Address, true
		}
		if sessions += b.Sessions; b.Sessions > 0 && stuck == "" {
			for _, x := range g.Sticking {
				if x.Backend == b.Name {
					stuck = fmt.Sprintf("; session %d of %s: %s", x.ID, x.User, x.Why)
					break
				}
			}
		}
	}
	if sessions > 0 {
		return plural(sessions, "session") + " on " + n.Name + stuck, false
	}
	if loads > 0 {
		return plural(loads, "load") + " in flight through " + n.Name + oldest, false
	}
	return "", false
}

// leaving waits until a stopped node is gone.
func (s *State) leaving(f *Facts, p *Progress, n *Node) Act {
	switch {
	case p.Looks >= enoughLooks, p.restarted(n, f.Now):
		p.Gone = p.Looks >= enoughLooks
		s.note(f.Now, n.Name, "seen", "gone")
		s.enter(p, Changing, f.Now)
		return s.changing(f, p, n)
	case f.Now.Sub(p.Since) > s.Ask.Limits.Leave && p.Looks == 0:
		return s.pause(f.Now, p, fmt.Sprintf("%s was stopped, and is not gone within %v: %s", n.Name, s.Ask.Limits.Leave, standing(n)),
			"end its process on its host, then `segue rollout run --resume`; or start it and `segue ready "+n.Name+"`")
	}
	return Act{Do: DoWait, Node: *n, Why: n.Name + " to be gone: " + standing(n)}
}

// enoughLooks is how often in a row a node has to be seen gone: a port that refuses one connection may take the next.
const enoughLooks = 3

// unreached tells whether neither this machine nor any Segue reaches a server of which no cluster tells: one whose host is switched off refuses no connection.
func unreached(f *Facts, n *Node) bool {
	if n.Kind != Server || n.Listening != Unknown || n.Healthy != No {
		return false
	}
	known := false
	for i := range f.Segues {
		g := &f.Segues[i]
		b := g.Backend(n)
		if g.Error != "" || b != nil && b.Health != backend.Down {
			return false
		}
		known = known || b != nil
	}
	return known
}

// standing is how a node stands.
func standing(n *Node) string {
	text := "not alive"
	if n.Alive {
		text = "alive"
	}
	if n.StatusCode != "" {
		text += ", StatusCode " + n.StatusCode
	}
	switch n.Listening {
	case Yes:
		text += ", its port takes connections"
	case No:
		text += ", its port takes none"
	case Unknown:
		if n.Trouble != "" {
			text += ", " + n.Trouble
		}
	}
	return text
}

// changing has what is between stop and start done.
func (s *State) changing(f *Facts, p *Progress, n *Node) Act {
	if p.Phase == Changing {
		runs := s.Ask.Change && !s.Ask.Replaced && (n.Listening == Yes || p.restarted(n, f.Now))
		switch changed := !s.Back && s.Ask.Version != "" && SameVersion(n.Version, s.Ask.Version); {
		case runs && !changed:
			return s.again(f, p, n)
		case !runs && (s.Ask.Change || s.Back):
			return Act{Do: DoChange, Node: *n}
		}
		s.enter(p, Starting, f.Now)
	}
	return Act{Do: DoStart, Node: *n}
}

// again stands where a node runs again before its version was changed: it is to be drained and stopped once more, and not by itself, since whatever has started it would do so again.
func (s *State) again(f *Facts, p *Progress, n *Node) Act {
	s.enter(p, Draining, f.Now)
	p.Told, p.Stopped = false, false
	p.mark(n, f.Now)
	return s.pause(f.Now, p, n.Name+" runs again before its version was changed: something else has started it",
		"have --stop switch off what starts it (`systemctl stop` does, `kill` does not); then `segue rollout run --resume`")
}

// returning waits until a started node serves as one that never was away.
func (s *State) returning(f *Facts, p *Progress, n *Node) Act {
	lead := f.leader()
	if lead != nil && p.Journal == 0 && lead.Name != n.Name {
		p.Journal = lead.Journal
	}
	why := s.notBack(f, p, n, lead)
	switch {
	case why == "":
		p.After, p.Journal = n.Version, 0
		s.note(f.Now, n.Name, "seen", "back"+versionOf(n))
		s.enter(p, Admitting, f.Now)
		return s.admitting(f, p, n)
	case f.Now.Sub(p.Since) > s.Ask.Limits.Return:
		return s.fail(f, p, fmt.Sprintf("%s does not come back within %v: %s", n.Name, s.Ask.Limits.Return, why))
	}
	return Act{Do: DoWait, Node: *n, Why: n.Name + " to come back: " + why}
}

func versionOf(n *Node) string {
	if n.Version == "" {
		return ""
	}
	return " with " + n.Version
}

// notBack says what a node lacks to be back.
func (s *State) notBack(f *Facts, p *Progress, n, lead *Node) string {
	same, known := p.sameProcess(n, f.Now)
	switch {
	case n.serves() != "":
		return n.serves()
	case n.Listening == Unknown && n.Healthy == Unknown && !f.Told:
		return "nobody can tell whether it serves"
	case !p.Gone && known && same:
		return "it still is the process that was to be stopped, by its start time"
	case f.hasFrontends() && lead == nil:
		return "no frontend leads: an election is under way"
	case n.Kind == Frontend && lead != nil && n.Journal > 0 && n.Journal < p.Journal:
		return fmt.Sprintf("it has replayed the journal up to %d of %d", n.Journal, p.Journal)
	case s.Back && s.Ask.Change && p.Former != "" && n.Version != "" && n.Version != p.Former:
		return "it has version " + n.Version + ", not " + p.Former + " as before"
	case s.Ask.Version != "" && !s.Back && n.Version != "" && !SameVersion(n.Version, s.Ask.Version):
		return "it has version " + n.Version + ", not " + s.Ask.Version
	}
	return ""
}

// admitting lets the node have sessions again, and waits until every Segue sees it up.
func (s *State) admitting(f *Facts, p *Progress, n *Node) Act {
	why, admit := s.unadmitted(f, n)
	if p.Avoided {
		why, admit = "have frontends use it", true
	}
	switch {
	case why == "" && !admit:
		s.Held = ""
		s.meanwhile(f, p, n)
		if now, told := traffic(f); told {
			p.Traffic = &now
		}
		s.enter(p, Checking, f.Now)
		return s.checking(f, p, n)
	case f.Now.Sub(p.Since) > s.Ask.Limits.Return && !admit && why == s.unasked(f): // that is nothing of the node's, and taking back mends it no more than this did
		return s.pause(f.Now, p, fmt.Sprintf("%s is back, and whether all use it again is not known: %s", n.Name, why), "start it, or look at the way there; then `segue rollout run --resume`")
	case f.Now.Sub(p.Since) > s.Ask.Limits.Return:
		return s.fail(f, p, fmt.Sprintf("%s is back, and is not let in again within %v: %s", n.Name, s.Ask.Limits.Return, why))
	case admit:
		return p.admit(n, why)
	}
	return Act{Do: DoWait, Node: *n, Why: why}
}

// unadmitted says which Segue does not use the node, and whether it is to be told. One that has it in maint does so by somebody's word, which a rollout never says: it stays.
func (s *State) unadmitted(f *Facts, n *Node) (why string, admit bool) {
	for i := range f.Segues {
		g := &f.Segues[i]
		b := g.Backend(n)
		switch wanted := s.of(n.Name).after(g.Address); {
		case b == nil || b.Admin == backend.Maint || wanted == backend.Ready && b.usable() || wanted != backend.Ready && b.Admin == wanted:
		case wanted != backend.Ready:
			return fmt.Sprintf("put it back to %s in Segue %s, as an operator had it", wanted, g.Address), true
		case b.Admin != backend.Ready:
			return "make it ready in Segue " + g.Address, true
		default:
			why = fmt.Sprintf("Segue %s sees it %s: %s", g.Address, b.Health, b.Cause)
		}
	}
	return cmp.Or(why, s.unasked(f)), false
}

// unasked says which Segue cannot be asked, of those that are to be; empty: none.
func (s *State) unasked(f *Facts) string {
	for i := range f.Segues {
		if g := &f.Segues[i]; g.Error != "" && !s.Ask.MayMiss(g.Address) {
			return fmt.Sprintf("Segue %s cannot be asked: %s", g.Address, g.Error)
		}
	}
	return ""
}

// meanwhile notes which Segues keep sessions off the node by what somebody has said since its turn began.
func (s *State) meanwhile(f *Facts, p *Progress, n *Node) {
	for i := range f.Segues {
		g := &f.Segues[i]
		if b := g.Backend(n); b != nil && b.Admin == backend.Maint && p.after(g.Address) != backend.Maint {
			s.note(f.Now, n.Name, "seen", "somebody has put it into maint in Segue "+g.Address+" meanwhile: there it stays so")
		}
	}
}

// checking asks whether clients are as well as before.
func (s *State) checking(f *Facts, p *Progress, n *Node) Act {
	if why := s.overBudget(); why != "" {
		return s.spent(f, p, why)
	}
	if s.Ask.Check && !p.Called && !s.Back {
		return Act{Do: DoCheck, Node: *n}
	}
	if why := s.unsettled(f, p); why != "" {
		return Act{Do: DoWait, Node: *n, Why: why}
	}
	if why := s.worse(f, p); why != "" {
		return s.fail(f, p, why)
	}
	if why := s.incomparable(f, p); why != "" {
		s.note(f.Now, n.Name, "unknown", "whether clients are as well as before: "+why)
	}
	s.enter(p, Done, f.Now)
	p.Ended, s.Current, s.Held, s.HeldFrom = f.Now, "", "", time.Time{}
	felt := "what clients saw is not known"
	if s.Ask.Fleet {
		felt = fmt.Sprintf("%s seen by clients, %s hidden", plural(int(p.Errors), "error"), plural(int(p.Hidden), "failure"))
	}
	s.note(f.Now, n.Name, "done", felt)
	return s.choose(f)
}

// fail says that a node failed: it is taken back with those before it, or an operator looks.
func (s *State) fail(f *Facts, p *Progress, why string) Act {
	if s.turnsBack() {
		s.note(f.Now, p.Node, "failed", why)
		return Act{Do: DoTurnBack, Why: why}
	}
	return s.pause(f.Now, p, why, "look at its log; then `segue rollout run --resume`, or `segue rollout run --roll-back`")
}

// turnsBack tells whether a failure takes nodes back: those that are being taken back already an operator has to look at.
func (s *State) turnsBack() bool { return s.Ask.OnFailure == RemedyRollBack && !s.Back }

// spent says that clients have seen more errors than they may. p is the node in work; nil: none is.
func (s *State) spent(f *Facts, p *Progress, why string) Act {
	if s.turnsBack() {
		s.note(f.Now, s.Current, "failed", why)
		return Act{Do: DoTurnBack, Why: why}
	}
	return s.pause(f.Now, p, why, "look at `segue status`, then resume with a larger budget")
}

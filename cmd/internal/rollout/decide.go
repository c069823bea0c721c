package rollout

import (
	"fmt"
	"strings"
	"time"

	"segue/backend"
)

// plural is "1 session", "2 sessions".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Do is what is to be done.
type Do string

// What there is to be done.
const (
	DoWait     Do = "wait" // until facts are others
	DoBackup   Do = "save the metadata"
	DoImage    Do = "write an image"
	DoPrepare  Do = "prepare"
	DoAsk      Do = "ask the driver" // Orderer.May
	DoDrain    Do = "drain"          // tell the Segues
	DoStop     Do = "stop"           // Driver.Stop
	DoChange   Do = "change version" // Driver.Upgrade, or Rollback
	DoStart    Do = "start"          // Driver.Start
	DoAdmit    Do = "admit"          // tell the Segues that it may have sessions again
	DoCheck    Do = "check"          // ask the canary condition
	DoTurnBack Do = "go back"        // State.TurnBack
	DoPause    Do = "pause"
	DoFinish   Do = "finish"
)

// Act is one thing to do.
type Act struct {
	Do   Do
	Node Node   // of a node's
	Why  string // what is waited for, or why it pauses
	// Stood are the Segues that an operator had told to keep sessions off the node, and are told so again by DoAdmit.
	Stood map[string]backend.Admin
}

// Decide says what is to be done now. It changes the state to say what is intended; the state is to be kept before that is done.
func (s *State) Decide(f *Facts) Act {
	s.Meet(f)
	switch p := s.of(s.Current); {
	case s.Finished:
		return Act{Do: DoFinish}
	case s.Paused != nil:
		return Act{Do: DoPause, Why: s.Paused.Why}
	case s.Pausing != nil:
		return s.pausing(f)
	case s.Failed != "":
		return Act{Do: DoTurnBack, Why: s.Failed}
	case p != nil && !s.Prepared.Driver:
		return Act{Do: DoPrepare} // again: it may be another process than the one that chose the node
	case p != nil:
		return s.work(f, p)
	}
	return s.choose(f)
}

// Did says that an act has been done, or what came of it.
func (s *State) Did(a Act, err error, now time.Time) {
	p := s.of(a.Node.Name)
	if err != nil {
		s.failed(a, p, err, now)
		return
	}
	switch a.Do {
	case DoBackup:
		s.Prepared.Backup = true
	case DoImage:
		s.Prepared.Image = true
	case DoPrepare:
		s.Prepared.Driver = true
	case DoStop:
		s.enter(p, Leaving, now)
	case DoChange:
		s.enter(p, Starting, now)
	case DoStart:
		s.enter(p, Returning, now)
	case DoCheck:
		p.Called = true
	case DoDrain:
		p.Told = true
		return
	case DoAdmit:
		p.Avoided = false
		return
	case DoAsk:
		p.Asked = true
		return
	case DoWait, DoTurnBack, DoPause, DoFinish:
		return
	}
	s.note(now, a.Node.Name, "act", string(a.Do))
}

// failed says that an act has failed. What Segues are told is told again until its time is over. That frontends know of a backend's going is worth trying, and no more: old
// releases cannot be told, and an account may lack the privilege.
func (s *State) failed(a Act, p *Progress, err error, now time.Time) {
	if a.Do == DoDrain && a.Node.stores() {
		p.Told, p.Avoided = true, s.Doris
		s.note(now, a.Node.Name, "failed", fmt.Sprintf("frontends could not be told to avoid it: statements that begin before they see it leave may fail: %v", err))
		return
	}
	if a.Do == DoAdmit && p.Avoided && !p.Told && !s.Doris { // nobody knows whether they had been told, and their lists are in memory alone
		p.Avoided = false
		s.note(now, a.Node.Name, "failed", fmt.Sprintf("frontends could not be told to use it again, if they avoid it (%s takes that back): %v", p.unavoid(false), err))
		return
	}
	if a.Do == DoDrain || a.Do == DoAdmit {
		if why := fmt.Sprintf("%s: %v", a.Do, err); s.Held != why {
			s.Held = why
			s.note(now, a.Node.Name, "failed", why)
		}
		return
	}
	why := fmt.Sprintf("%s: %v", a.Do, err)
	s.note(now, a.Node.Name, "failed", why)
	if s.turnsBack() && (a.Do == DoChange || a.Do == DoStart || a.Do == DoCheck) {
		s.Failed = why
		return
	}
	s.pause(now, p, why, "mend it, then `segue rollout run --resume`")
}

// choose says what is to be done between two nodes.
func (s *State) choose(f *Facts) Act {
	if why := s.overBudget(); why != "" {
		return s.spent(f, nil, why)
	}
	if !f.Whole {
		return Act{Do: DoWait} // it is asked for, and decided then
	}
	v := s.Next(f)
	switch {
	case v.Finished:
		s.Finished, s.Ended = true, f.Now
		s.sortGone()
		s.note(f.Now, "", "finish", "all nodes have gone")
		return Act{Do: DoFinish}
	case v.Node == "":
		return s.hold(f, nil, Blocking(v.Findings))
	}
	s.Held, s.HeldFrom = "", time.Time{}
	switch {
	case s.Ask.Backup == BackupRun && !s.Prepared.Backup && !s.Back:
		return Act{Do: DoBackup}
	case s.Ask.Image && !s.Prepared.Image && !s.Back:
		return Act{Do: DoImage}
	case !s.Prepared.Driver:
		return Act{Do: DoPrepare}
	}
	n, p := f.Node(v.Node), s.of(v.Node)
	if !p.Asked {
		return Act{Do: DoAsk, Node: *n}
	}
	s.Current = n.Name
	p.Began, p.Ended, p.Role, p.Called, p.Gone, p.Traffic, p.Told, p.Stopped, p.Asked, p.Drained = f.Now, time.Time{}, n.Role, false, false, nil, false, false, false, nil
	p.mark(n, f.Now)
	p.stood(f, n)
	p.ErrorsBefore, p.HiddenBefore, p.Errors, p.Hidden = s.Errors, s.Hidden, 0, 0
	s.enter(p, Draining, f.Now)
	s.note(f.Now, n.Name, "begin", v.Why)
	return s.work(f, p)
}

// hold waits for the cluster to be such that one may go; what no waiting mends pauses at once.
func (s *State) hold(f *Facts, p *Progress, blocking []Finding) Act {
	var texts []string
	waits := false
	for _, b := range blocking {
		texts = append(texts, b.String())
		waits = waits || transient(b.Check)
	}
	why := strings.Join(texts, "; ")
	if s.HeldFrom.IsZero() {
		s.HeldFrom = f.Now
	}
	if s.Held != why {
		s.Held = why
		s.note(f.Now, s.Current, "wait", why)
	}
	remedy := blocking[0].Remedy
	switch {
	case !waits:
		return s.pause(f.Now, p, why, remedy)
	case f.Now.Sub(s.HeldFrom) > s.Ask.Limits.Patience:
		return s.pause(f.Now, p, fmt.Sprintf("it has not mended itself within %v: %s", s.Ask.Limits.Patience, why), remedy)
	}
	return Act{Do: DoWait, Why: why}
}

// transient tells whether what a check finds may mend itself.
func transient(c Check) bool {
	switch c {
	case CheckMembers, CheckLeader, CheckPrimary, CheckQuorum, CheckJournal, CheckReplicas, CheckBalance, CheckJobs, CheckFleet:
		return true
	case CheckExit, CheckImage, CheckBackup, CheckVersions, CheckSessions:
	}
	return false
}

// letIn is how long a node that was drained and not stopped may take to be let in again before the rollout pauses all the same.
const letIn = 30 * time.Second

// pausing lets the node in work be used again, and pauses then.
func (s *State) pausing(f *Facts) Act {
	p, n := s.of(s.Current), f.Node(s.Current)
	if p != nil && n != nil && f.Now.Sub(s.Pausing.Time) < letIn {
		if _, admit := s.unadmitted(f, n); admit || p.Avoided {
			return p.admit(n, "it was not stopped")
		}
		p.Again = true
		p.undrained(f, n)
	}
	why, remedy := s.Pausing.Why, s.Pausing.Remedy
	return s.pauseNow(f.Now, p, why, remedy)
}

// pause stops the rollout where it stands. A node that was drained and not stopped is let in again first: it would be missing for as long as an operator takes.
func (s *State) pause(now time.Time, p *Progress, why, remedy string) Act {
	if p != nil && p.Phase == Draining && !p.Stopped {
		p.Told = false // on a resume it is drained anew
		s.Pausing = &Pause{Time: now, Node: p.Node, Phase: p.Phase, Why: why, Remedy: remedy}
		return Act{Do: DoWait, Node: p.Last, Why: "to let " + p.Node + " have sessions again, and pause"}
	}
	return s.pauseNow(now, p, why, remedy)
}

func (s *State) pauseNow(now time.Time, p *Progress, why, remedy string) Act {
	s.Pausing = nil
	s.Paused = &Pause{Time: now, Why: why, Remedy: remedy}
	if p != nil {
		s.Paused.Node, s.Paused.Phase = p.Node, p.Phase
		if p.Avoided {
			s.Paused.Remedy += "; until it is back frontends avoid it (" + p.unavoid(s.Doris) + " takes that back)"
		}
	}
	s.note(now, s.Paused.Node, "pause", why)
	return Act{Do: DoPause, Why: why}
}

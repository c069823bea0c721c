package measure

import (
	"errors"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/bench"
)

// score is what the clients of one class saw.
type score struct {
	answers, errors         int
	foundDead, sessionsLost int
	stateLost, wrong        int
	overdue                 int // arrivals that were due before the end, and could not even begin
	response, service       bench.Histogram
	stall                   time.Duration // the longest that one client went without a right answer
	stallEnd                time.Duration
}

// fault is what is counted apart: who was doing what when which error came.
type fault struct {
	class  Class
	doing  Doing
	kind   bench.Kind
	lost   bool   // a wrong answer that told of lost state
	number uint16 // of an ERR packet
	said   string // of a load: the answer in a few words, when there was one
	unsent bool   // of a load: its body was not sent to the end
}

type faultCount struct {
	count       int
	first, last time.Duration
	sample      string
}

// tally adds up what happened. Pure: it is told the time.
type tally struct {
	scores     [numClasses]score
	faults     map[fault]*faultCount
	timeline   timeline
	lastAnswer time.Duration
	silence    time.Duration // the longest for which no client got any answer
	silenceEnd time.Duration
}

func newTally() *tally { return &tally{faults: map[fault]*faultCount{}} }

// answer is one arrival that got what it wanted.
type answer struct {
	response time.Duration // since it was due, less what it asked to wait for
	service  time.Duration // since it began, less the same
	stall    time.Duration // since its client first wanted one, failed attempts included
}

func (t *tally) answered(at time.Duration, c Class, a answer) {
	s := &t.scores[c]
	s.answers++
	s.response.Add(a.response)
	s.service.Add(a.service)
	b := t.timeline.at(at)
	b.answers++
	b.response.Add(a.response)
	t.stalled(at, c, a.stall)
	if gap := at - t.lastAnswer; gap > t.silence {
		t.silence, t.silenceEnd = gap, at
	}
	t.lastAnswer = at
}

// stalled notes for how long a client went without.
func (t *tally) stalled(at time.Duration, c Class, d time.Duration) {
	if s := &t.scores[c]; d > s.stall {
		s.stall, s.stallEnd = d, at
	}
}

// failed counts an error that a client got, and tells whether it was an ERR packet
// on a connection that goes on.
func (t *tally) failed(at time.Duration, c Class, doing Doing, err error) {
	f := fault{class: c, doing: doing, kind: kindOf(doing, err), lost: bench.LostState(err)}
	if refused, ok := errors.AsType[*mysql.MySQLError](err); ok {
		f.number = refused.Number
	}
	if load, ok := errors.AsType[*loadError](err); ok {
		f.said, f.unsent = load.said, !load.sent
	}
	n := t.faults[f]
	if n == nil {
		n = &faultCount{first: at, sample: err.Error()}
		t.faults[f] = n
	}
	n.count++
	n.last = at
	s := &t.scores[c]
	s.errors++
	part := doing.part()
	if f.kind == bench.WrongAnswer {
		part = StatePart
		if f.lost {
			s.stateLost++
		} else {
			s.wrong++
		}
	}
	t.timeline.at(at).errors[part]++
}

// foundDead counts a pooled connection that was found closed before its use.
func (t *tally) foundDead(at time.Duration, c Class) {
	t.scores[c].foundDead++
	t.timeline.at(at).foundDead++
}

// ended closes the account.
func (t *tally) ended(at time.Duration) {
	t.timeline.at(max(0, at-1))
	if gap := at - t.lastAnswer; gap > t.silence {
		t.silence, t.silenceEnd = gap, at
	}
}

// kindOf names the kind of an error.
func kindOf(doing Doing, err error) bench.Kind {
	if doing == Connecting || doing == ReachingFrontend || doing == ReachingNode {
		return bench.Classify(bench.Connecting, err)
	}
	return bench.Classify(bench.Asking, err)
}

// answers and errors are over all classes.
func (t *tally) total() (answers, errors int) {
	for i := range t.scores {
		answers += t.scores[i].answers
		errors += t.scores[i].errors
	}
	return answers, errors
}

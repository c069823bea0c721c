package proxy

import (
	"errors"
	"time"

	"segue/backend"
	"segue/proxy/track"
)

// A backend that is killed takes with it what only it knew. So it is asked for that ahead of time, while its session is idle: for the values of
// variables that the text of statements does not tell and, where there is no other credential, for a session token of TiDB's.

const (
	// tokenAge is when a token is replaced by a new one. TiDB takes it for a minute.
	tokenAge = 35 * time.Second
	// tokenGood is for how long it is worth a try.
	tokenGood = 58 * time.Second
	// inquiries is how many sessions at most are asked for in one turn of tend, of all workers: what is asked costs a TiDB server some milliseconds.
	inquiries = 16
	// inquiryTimeout is how long the answer may take. A statement that comes waits behind the question, as it would for the backend; when the
	// time is over the connection is of no use any more.
	inquiryTimeout = 5 * time.Second

	askAgain  = 5 * time.Second  // how long a question that was not answered is not repeated
	askSeldom = 10 * time.Minute // … that a server cannot answer as it is configured
)

// inquiry is a question about what only the session's backend knows.
type inquiry struct {
	s      *session
	asks   *question
	urgent bool           // the session is to leave, and must be judged before: see session.judgeFirst
	reads  *track.Catalog // that is being read; nil: none
}

// soon has the session's backend be asked when it is idle.
func (i *inquiry) soon() {
	if s := i.s; !s.curious && i.due() {
		s.curious = true
		s.w.curious = append(s.w.curious, s)
	}
}

// inquire begins to ask the backends of sessions that are idle.
func (w *worker) inquire() {
	left := max(1, inquiries/len(w.server.running()))
	all := w.curious
	w.curious = nil
	defer func() { w.curious = append(w.curious, all...) }() // should one of them be the end of this turn
	for len(all) > 0 {
		s := all[0]
		all = all[1:]
		i := &inquiry{s: s}
		s.curious = i.due()
		if s.followJudged(); !s.curious {
			continue
		}
		w.curious = append(w.curious, s)
		if left > 0 && i.begin() {
			left--
		}
	}
}

// due reports whether there is anything to be asked, now or later.
func (i *inquiry) due() bool {
	s := i.s
	return s.end == Open && (s.isCurious() || s.who.tokenless(s.w.server.options()))
}

// begin asks, if this is the moment.
func (i *inquiry) begin() bool {
	s, o, now := i.s, i.s.w.server.options(), i.s.w.now()
	stale := s.who.tokenless(o) && s.who.stale(now)
	asks := (stale || s.track.Asking()) && now >= s.asked && !i.urgent
	reads := s.reads(now, i.urgent)
	switch {
	case !asks && !reads, s.state != Idle, s.errand != nil, s.track.OwnOutstanding(), s.notice.stuck(o):
		return false
	case s.beingKilled(): // TiDB closes the connection instead of answering, and nothing else would say why
		return false
	case s.track.Recent() && !i.urgent, s.backend().Status().Health == backend.Down: // what was Recent our question would wipe out
		return false
	}
	k, c := &keeps{}, s.track.Catalog()
	var turns []turn
	switch {
	case reads && s.w.server.programs.claim(c, now):
		i.reads = c
		turns = s.askPrograms(c, now, i.hasRead)
		s.track.AskedTables()
	case asks:
		turns = i.questions(k, stale)
		s.asked = now + int64(askAgain)
	}
	if len(turns) == 0 {
		return false
	}
	s.errand = i
	s.useUnseen()
	s.track.Asked()
	s.enter(Moving)
	s.after(alarmErrand, inquiryTimeout)
	i.asks = &question{doing: "ask", talk: talk{turns: turns}, done: func(err error) { i.answered(k, err) }}
	i.asks.begin(s.back, s.terms())
	return true
}

// questions are those for what only the backend knows of the session.
func (i *inquiry) questions(k *keeps, stale bool) (turns []turn) {
	s, o, ext := i.s, i.s.w.server.options(), i.s.who.hello.Response().ExtCapabilities()
	if s.track.Hinted() || s.track.Suspect() || s.track.Fired() {
		turns = s.askUnforeseen()
	}
	if len(turns) > 0 || len(s.track.Unresolved()) > 0 {
		turns = append(turns, askValues(o.Flavor, ext, s.track.Unresolved, s.track.Resolved)...)
	}
	if stale {
		turns = append(turns, k.askTiDB(ext, true)...)
	}
	return turns
}

// answered takes what the backend has said.
func (i *inquiry) answered(k *keeps, err error) {
	s := i.s
	s.due.clear(alarmErrand)
	s.errand = nil
	c := i.reads
	i.hasRead()
	if spoiled := new(spoiledError); errors.As(err, &spoiled) {
		if c != nil && !errors.Is(err, errTimedOut) { // it was not for the question
			unclaim(c, s.w.now())
		}
		s.w.server.evidence(s.backend(), err)
		s.back.close()
		(&departure{lost: true, loss: plain(spoiled.error)}).start(s)
		s.kills.standsNow()
		return
	}
	switch {
	case err == nil && k.token != nil:
		s.who.token = &token{k.token, s.w.now()}
	case errors.As(err, new(*endError)): // it has no tokens to give
		s.asked += int64(askSeldom)
	}
	s.follow()
	s.kills.standsNow()
	s.stand()
	s.client.again()
}

// hasRead lets another session read: the programs have been told, or will not be. What the connection does after that is nothing to their catalog.
func (i *inquiry) hasRead() {
	if i.reads != nil {
		i.s.w.server.programs.reading.Add(-1)
		i.reads = nil
	}
}

// ring gives the question up.
func (i *inquiry) ring() { i.asks.expired() }

// spoil does so because of an error.
func (i *inquiry) spoil(err error) { i.asks.end(&spoiledError{err}) }

// abort implements errand.
func (i *inquiry) abort() {
	if c := i.reads; c != nil {
		i.hasRead()
		unclaim(c, i.s.w.now())
	}
	i.s.due.clear(alarmErrand)
	i.asks.drop()
}

package proxy

import (
	"errors"

	"segue/backend/client"
	"segue/backend/wire"
)

// question is a talk of Segue's own on a connection to a backend: a session's, whose client's statements wait meanwhile, or one of its own making.
type question struct {
	link  *link
	of    linkUser // whose the link is otherwise
	doing string   // for the text of an error
	talk  talk
	done  func(err error) // called once. A *spoiledError says that nobody can use the connection any more
}

// spoiledError says that a connection has an answer to come that is not the client's, or is broken.
type spoiledError struct{ error }

func (e *spoiledError) Unwrap() error { return e.error }

// begin begins to talk on a connection. done may be called before it returns.
func (q *question) begin(l *link, terms client.Terms) {
	q.link, q.of, q.talk.terms = l, l.user, terms
	l.user = q
	q.proceed(q.talk.next())
}

// proceed sends what is to be sent, and ends the talk when it is over.
func (q *question) proceed(out []byte) {
	if len(out) > 0 {
		q.link.write(out)
	}
	if !q.talk.over() {
		return
	}
	err := q.talk.err
	if err != nil && (!q.talk.clean() || !errors.As(err, new(*client.Refusal)) && errors.As(err, new(*client.Error))) {
		err = &spoiledError{err}
	}
	q.end(err)
}

// received implements linkUser.
func (q *question) received(l *link, b []byte, fin bool) {
	n, out := q.talk.feed(b)
	if rest := b[n:]; len(rest) > 0 && q.talk.over() && (!q.borrowed() || !bidsFarewell(rest)) {
		q.talk.spoil() // it says what belongs to nothing, and the client would take it for an answer
	}
	q.proceed(out)
	if rest := b[n:]; len(rest) > 0 && q.done == nil && !l.closed {
		l.user.received(l, rest, fin)
	}
}

// borrowed reports whether the connection is a session's, whose client's statements wait.
func (q *question) borrowed() bool {
	_, is := q.of.(*session)
	return is
}

// bidsFarewell reports whether what a server says unasked may be why it is about to close the connection.
func bidsFarewell(b []byte) bool { return len(b) <= wire.HeaderLen || wire.IsErr(b[wire.HeaderLen:]) }

// end gives the connection back.
func (q *question) end(err error) {
	if done := q.done; done != nil {
		q.drop()
		done(err)
	}
}

// drop forgets the question.
func (q *question) drop() {
	q.done = nil
	if q.link.user == linkUser(q) {
		q.link.user = q.of
	}
}

// writable implements linkUser.
func (q *question) writable(*link) {}

// broke implements linkUser.
func (q *question) broke(_ *link, err error) { q.end(&spoiledError{client.IOError(q.doing, err)}) }

// expired gives the question up: its time is over.
func (q *question) expired() { q.broke(nil, errTimedOut) }

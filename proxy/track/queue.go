package track

import "segue/backend/wire"

// pending is a command whose response has not ended.
type pending struct {
	verdict   *verdict // what it leaves in the session if it succeeds, nil for nothing
	statement uint32   // id of the prepared statement, for commands that name one
	command   wire.Command
	effect    effect
	own       bool  // it is Segue's
	begin     bool  // BEGIN without more
	cursor    bool  // it asks for a cursor
	long      bool  // parameter data had been sent ahead of it, which are gone with it
	next      next  // what the client is likely to do behind it
	seq       uint8 // sequence id of the client's last packet for it
}

// queue holds the outstanding commands in the order in which the server answers them. Up to inlinePending of them
// need no allocation; the room for more is given back once the queue is empty.
type queue struct {
	inline [inlinePending]pending
	more   []pending // in place of inline once that was full
	head   uint32
	n      uint32
	total  uint32 // how many have ever been pushed
}

const (
	inlinePending = 2
	// maxPending bounds what a client may have outstanding: drivers that pipeline batches (npm mariadb, MariaDB
	// Connector/J) send some hundreds to thousands of commands ahead.
	maxPending = 1 << 16
)

func (q *queue) ring() []pending {
	if q.more != nil {
		return q.more
	}
	return q.inline[:]
}

// push adds a command and reports false if there is no room for it.
func (q *queue) push(e pending) bool {
	r := q.ring()
	if int(q.n) == len(r) {
		if q.n >= maxPending {
			return false
		}
		grown := make([]pending, 2*len(r))
		for i := range q.n {
			grown[i] = r[(q.head+i)%q.n]
		}
		q.more, q.head, r = grown, 0, grown
	}
	r[(q.head+q.n)%uint32(len(r))] = e
	q.n++
	q.total++
	return true
}

// front is the oldest command; the queue must not be empty.
func (q *queue) front() *pending { return &q.ring()[q.head] }

// back is the newest command; the queue must not be empty.
func (q *queue) back() *pending {
	r := q.ring()
	return &r[(q.head+q.n-1)%uint32(len(r))]
}

// at is the ith command, the oldest being 0; there must be more than i.
func (q *queue) at(i uint32) *pending {
	r := q.ring()
	return &r[(q.head+i)%uint32(len(r))]
}

// pop removes the oldest command; the queue must not be empty.
func (q *queue) pop() pending {
	r := q.ring()
	e := r[q.head]
	q.head = (q.head + 1) % uint32(len(r))
	q.n--
	if q.n == 0 {
		q.more, q.head = nil, 0
	}
	return e
}

package loop

import "sync"

// Message is what others tell a loop. Deliver runs on the loop's goroutine.
type Message interface {
	Deliver(l *Loop)
}

// Func is a function as a [Message].
type Func func(l *Loop)

// Deliver calls it.
func (f Func) Deliver(l *Loop) { f(l) }

// mailbox is how everybody else speaks to a loop.
type mailbox struct {
	mu       sync.Mutex // guards what follows
	messages []Message
	events   []event
	woken    bool // wake has been called since take
	stop     bool // the loop is to end
	closed   bool
	wake     func() // called with mu held: once the mailbox is closed, what it writes to may be another's
}

// event is what the goroutine of a connection tells its loop.
type event struct {
	key  key
	bits flags
	dial *dialed // the outcome of a dial
}

func (m *mailbox) post(msg Message) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.messages = append(m.messages, msg)
	m.wakeLocked()
	return true
}

func (m *mailbox) tell(e event) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.events = append(m.events, e)
	m.wakeLocked()
	return true
}

// halt asks the loop to end.
func (m *mailbox) halt() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stop = true
	if !m.closed {
		m.wakeLocked()
	}
}

// nudge makes the loop look round.
func (m *mailbox) nudge() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.wakeLocked()
	}
}

// wakeLocked is only for the first of what the loop takes together.
func (m *mailbox) wakeLocked() {
	if !m.woken {
		m.woken = true
		m.wake()
	}
}

// take empties the mailbox. What it is given, emptied, holds what comes next.
func (m *mailbox) take(messages []Message, events []event) ([]Message, []event, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.woken = false
	messages, m.messages = m.messages, messages[:0]
	events, m.events = m.events, events[:0]
	return messages, events, m.stop
}

// close refuses what comes later. end is what must not happen while somebody wakes the loop.
func (m *mailbox) close(end func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	end()
}

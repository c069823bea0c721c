package backend

import (
	"fmt"
	"sync"
	"time"

	"segue/backend/wire"
)

// Full is what a backend has said that has as many connections as it may have. It serves those it has, so that it is neither down nor leaving:
// nobody leaves it, and it gets no new session, but for one trial a second. The first login that it lets in ends that.
type Full struct {
	Code    uint16
	State   string // the SQLSTATE; may be empty
	Message string
}

// String is what an operator reads.
func (f Full) String() string {
	return fmt.Sprintf("full: %d %s", f.Code, wire.Shown(f.Message, wire.MaxShown))
}

// trialEvery is the time from one trial of a backend that is full to the next.
const trialEvery = time.Second

// room is whether a backend has room for one more connection.
type room struct {
	mu   sync.Mutex
	full *Full     // what it has said last; nil: it has room, for all that is known
	next time.Time // until then nobody is to try
}

// Fill notes that the backend is full, and reports whether that is new.
func (b *Backend) Fill(f Full) (fresh bool) {
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	fresh = b.room.full == nil
	b.room.full, b.room.next = &f, time.Now().Add(trialEvery)
	return fresh
}

// Full says what the backend has said, if it is full.
func (b *Backend) Full() (f Full, full bool) {
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	if b.room.full == nil {
		return Full{}, false
	}
	return *b.room.full, true
}

// Crowded reports whether nobody should try to get in now: the backend is full, and the next trial is not due.
func (b *Backend) Crowded() bool {
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	return b.room.full != nil && time.Now().Before(b.room.next)
}

// Try notes that a login begins: if the backend is full, it is the trial.
func (b *Backend) Try() {
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	if b.room.full != nil {
		b.room.next = time.Now().Add(trialEvery)
	}
}

// Roomy notes that the backend has let somebody in, or is another process than the one that was full.
func (b *Backend) Roomy() {
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	b.room.full = nil
}

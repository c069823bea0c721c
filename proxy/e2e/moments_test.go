package e2e

import (
	"sync"
	"testing"
	"time"
)

// moments are when connections were cut.
type moments struct {
	mu sync.Mutex
	at []time.Time
}

func (m *moments) note() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = append(m.at, time.Now())
}

// since counts those at or after a time.
func (m *moments) since(from time.Time) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for n < len(m.at) && !m.at[len(m.at)-1-n].Before(from) {
		n++
	}
	return n
}

func TestMoments(t *testing.T) {
	m := &moments{}
	before := time.Now()
	if n := m.since(before); n != 0 {
		t.Errorf("%d moments before there are any", n)
	}
	m.note()
	m.note()
	between := time.Now()
	m.note()
	for from, want := range map[time.Time]int{before: 3, between: 1, time.Now().Add(time.Second): 0} {
		if n := m.since(from); n != want {
			t.Errorf("%d moments since %v, want %d", n, from.Sub(before), want)
		}
	}
}

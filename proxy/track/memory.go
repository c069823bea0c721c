package track

import (
	"sync"
	"sync/atomic"
)

// Memory counts what all sessions of an owner keep of the texts of their statements and settings, so that it can be bounded. Sessions that keep the
// same text share it; it counts for each of them. A nil Memory has no bound.
type Memory struct {
	used, limit atomic.Int64
	traffic     sync.Pool // of *traffic, all zero
}

// NewMemory returns a Memory of limit bytes; 0: without a bound.
func NewMemory(limit int64) *Memory {
	m := &Memory{}
	m.SetLimit(limit)
	return m
}

// SetLimit changes the bound. What is kept beyond a lower one stays.
func (m *Memory) SetLimit(limit int64) { m.limit.Store(limit) }

// Used is how many bytes are counted.
func (m *Memory) Used() int64 { return m.used.Load() }

func (m *Memory) grow(n int) {
	if m != nil {
		m.used.Add(int64(n))
	}
}

func (m *Memory) full() bool {
	if m == nil {
		return false
	}
	limit := m.limit.Load()
	return limit > 0 && m.used.Load() > limit
}

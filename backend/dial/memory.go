package dial

import (
	"net/netip"
	"sync/atomic"
)

// Memory is the address that worked last. It may be used by anyone at any time; the zero Memory knows none.
type Memory struct{ last atomic.Pointer[netip.Addr] }

// Last is that address; the zero Addr if there is none.
func (m *Memory) Last() netip.Addr {
	if a := m.last.Load(); a != nil {
		return *a
	}
	return netip.Addr{}
}

// Worked notes that the address works.
func (m *Memory) Worked(a netip.Addr) {
	if m.Last() != a {
		m.last.Store(&a)
	}
}

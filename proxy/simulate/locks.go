package simulate

import (
	"fmt"
	"slices"
)

// GET_LOCK and its kin. A lock of MySQL's is one server's, of TiDB's the cluster's.

func (b *backConn) lock(name string) value {
	for _, s := range b.s.w.servers {
		if s != b.s && b.s.kind != TiDB {
			continue
		}
		for _, other := range s.conns {
			if other != b && other.mem.locks[name] > 0 {
				return number(0)
			}
		}
	}
	b.mem.locks[name]++
	return number(1)
}

func (b *backConn) unlock(name string) value {
	if b.mem.locks[name] == 0 {
		return number(0)
	}
	b.mem.locks[name]--
	return number(1)
}

func (m *memory) locked() (n int) {
	for _, count := range m.locks {
		n += count
	}
	return n
}

func (b *backConn) unlockAll() value {
	n := b.mem.locked()
	clear(b.mem.locks)
	return number(n)
}

// lock takes a lock, or releases one or all.
func (c *client) lock(tag string, _ bool) *statement {
	tag = "l" + tag
	name := fmt.Sprintf("lock%d.%d", c.index, c.d.IntN(2))
	var s *statement
	by := func(a *answer) int { return 0 }
	switch c.d.IntN(5) {
	case 0, 1:
		s, by = query(tag, "SELECT GET_LOCK('"+name+"', 0)"), func(a *answer) int { return a.number() }
	case 2, 3:
		s, by = query(tag, "SELECT RELEASE_LOCK('"+name+"')"), func(a *answer) int { return -a.number() }
	default:
		s, by = query(tag, "SELECT RELEASE_ALL_LOCKS()"), func(a *answer) int { return -a.number() }
	}
	s.ok = func(a *answer) { c.twin.locks = c.twin.locks.plus(by(a)) }
	s.maybe = func() { c.twin.locks = nil }
	return s
}

// number is the first value of the first row, as a number.
func (a *answer) number() (n int) {
	if a.rows > 0 {
		_, _ = fmt.Sscan(a.first[0].text, &n)
	}
	return n
}

// plus adds to a number.
func (m maybe) plus(n int) maybe {
	m = slices.Clone(m)
	for i := range m {
		var was int
		_, _ = fmt.Sscan(m[i].text, &was)
		m[i] = number(was + n)
	}
	return m
}

package simulate

// SET TRANSACTION READ ONLY, which is about the next transaction alone.

const setReadOnly = "TRANSACTION READ ONLY"

func (b *backConn) setReadOnly() *result {
	if b.mem.Open {
		return sqlErr(1568, "25001", "Transaction characteristics can't be changed while a transaction is in progress")
	}
	b.mem.next = true
	return &result{}
}

// begins takes what was set for the transaction that begins.
func (m *memory) begins() {
	m.Open, m.only, m.next = true, m.next, false
}

// refuses reports whether a write is refused because of what was set. A statement on its own uses that up.
func (m *memory) refuses() (is bool) {
	if !m.Open {
		is, m.next = m.next, false
		return is
	}
	return m.only
}

// readOnly says what the next transaction is to be.
func (c *client) readOnly(tag string, alone bool) *statement {
	t := c.twin
	if !alone || c.began || t.unsure || t.open || !t.manual.is(number(0)) {
		return nil
	}
	s := query("c"+tag, "SET "+setReadOnly)
	s.ok = func(*answer) { t.next = maybe{number(1)} }
	s.maybe = func() { t.next = nil }
	return s
}

// begins notes that a transaction has begun.
func (t *twin) begins() { t.open, t.only, t.next = true, t.next, maybe{number(0)} }

// wrote holds a write that was let through, or was not, against what is known.
func (c *client) wrote(tag string, refused bool) {
	t := c.twin
	is := t.next
	if t.open || t.unsure {
		is = t.only
	} else if t.next = (maybe{number(0)}); c.w.plays(ReadOnly) && !t.manual.is(number(0)) { // it has begun a transaction
		t.unsure, t.only = true, nil
	}
	if !t.unsure && (refused && is.is(number(0)) || !refused && is.is(number(1))) {
		c.fail("%s, a write: refused: %v, and the transaction is read only: %v", tag, refused, is)
	}
}

// is reports whether it is this value for sure.
func (m maybe) is(v value) bool { return len(m) == 1 && m[0].same(v) }

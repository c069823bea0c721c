package simulate

import (
	"encoding/binary"
	"fmt"
	"strconv"

	proto "segue/backend/wire"
)

// Cursors: the rows of a prepared statement are asked for by and by. In a row that comes so "nth" is its number.

// openCursor is a server's.
type openCursor struct {
	rows  [][]value
	given int
}

// forget closes a statement's cursor, and drops what was sent ahead for it.
func (m *memory) forget(id uint32) {
	delete(m.cursors, id)
	delete(m.long, id)
}

// open makes a cursor of a result.
func (b *backConn) open(id uint32, r *result) {
	if r.err != nil || r.columns == nil {
		return
	}
	b.mem.cursors[id] = &openCursor{rows: r.rows}
	r.rows, r.opens, r.flags = nil, true, proto.StatusCursorExists
}

// fetch is COM_STMT_FETCH.
func (b *backConn) fetch(body []byte) *result {
	id, n := binary.LittleEndian.Uint32(body), int(binary.LittleEndian.Uint32(body[4:]))
	cur := b.mem.cursors[id]
	if cur == nil {
		return sqlErr(1421, "HY000", fmt.Sprintf("The statement (%d) has no open cursor.", id))
	}
	r := &result{fetches: true, binary: true, flags: proto.StatusCursorExists}
	for ; n > 0 && len(cur.rows) > 0; n-- {
		cur.given++
		row := append([]value(nil), cur.rows[0]...)
		row[1] = number(cur.given)
		r.rows, cur.rows = append(r.rows, row), cur.rows[1:]
	}
	if n > 0 { // it has looked for one more
		r.flags = proto.StatusLastRowSent
		delete(b.mem.cursors, id)
	}
	return r
}

// reading is what a client knows of its cursor.
type reading struct {
	id    uint32
	of    string
	total int
	got   int
	open  bool
}

// cursor prepares a statement with a cursor, opens it, asks for rows, or closes it.
func (c *client) cursor(tag string, alone bool) *statement {
	r := c.twin.reading
	switch {
	case !alone:
		return nil
	case r == nil:
		return c.prepares("q"+tag, 1+c.d.IntN(30))
	case !r.open:
		return c.opens("x"+tag, r)
	case c.d.one(8):
		r.open = false
		return &statement{tag: "r" + tag, what: "COM_STMT_RESET " + strconv.Itoa(int(r.id)), c: proto.ComStmtReset, body: binary.LittleEndian.AppendUint32(nil, r.id)}
	}
	return c.fetches("n"+tag, r)
}

func (c *client) prepares(tag string, total int) *statement {
	text := fmt.Sprintf("SELECT '%s', nth FROM rows%d", tag, total)
	s := &statement{tag: tag, what: "COM_STMT_PREPARE " + text, c: proto.ComStmtPrepare, body: []byte(text)}
	s.ok = func(a *answer) { c.twin.reading = &reading{id: a.prepared, of: tag, total: total} }
	return s
}

func (c *client) opens(tag string, r *reading) *statement {
	s := &statement{tag: tag, what: fmt.Sprintf("COM_STMT_EXECUTE %d (%s, with a cursor)", r.id, r.of), c: proto.ComStmtExecute}
	s.body = append(binary.LittleEndian.AppendUint32(nil, r.id), 1, 1, 0, 0, 0)
	s.ok = func(a *answer) {
		if r.open, r.got = true, 0; a.rows != 0 || !a.status.Has(proto.StatusCursorExists) {
			c.fail("%s has %d rows, and should have opened a cursor (%x)", tag, a.rows, a.status)
		}
	}
	return s
}

func (c *client) fetches(tag string, r *reading) *statement {
	n := 1 + c.d.IntN(12)
	s := &statement{tag: tag, what: fmt.Sprintf("COM_STMT_FETCH %d of %d (%s)", n, r.id, r.of), c: proto.ComStmtFetch, columns: 2}
	s.body = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, r.id), uint32(n))
	s.row = func(row []value) {
		if r.got++; row[0].text != r.of || row[1].text != strconv.Itoa(r.got) {
			c.fail("%s: row %v, want number %d of %s", tag, row, r.got, r.of)
		}
	}
	s.ok = func(a *answer) {
		last := a.status.Has(proto.StatusLastRowSent)
		if last != (a.rows < n) || last && r.got != r.total {
			c.fail("%s has %d rows (last: %v), %d of %d so far", tag, a.rows, last, r.got, r.total)
		}
		r.open = !last
	}
	s.maybe = func() { r.open = false }
	return s
}

package simulate

import (
	"fmt"
	"strings"

	proto "segue/backend/wire"
)

// leavings are what a statement leaves behind, until the next.
type leavings struct {
	warning [][]value // as SHOW WARNINGS has it
	count   int       // ROW_COUNT()
	found   int       // FOUND_ROWS()
}

const calcFound = "SQL_CALC_FOUND_ROWS "

// leaves is called behind each statement.
func (b *backConn) leaves(s string, r *result) {
	l := &b.mem.left
	verb, _, _ := strings.Cut(s, " ")
	switch {
	case strings.HasSuffix(s, "SHOW WARNINGS"):
		l.count, l.found = -1, len(l.warning)
		return
	case r.err != nil:
		*l = leavings{count: -1, warning: [][]value{{text("Error"), number(int(r.err.Code)), text(r.err.Message)}}}
		return
	case r.columns != nil:
		*l = leavings{count: -1, found: max(l.found, len(r.rows))}
		if !strings.HasPrefix(s, "SELECT "+calcFound) {
			l.found = len(r.rows)
		}
	case verb == "INSERT":
		*l = leavings{count: 1, found: l.found}
	default:
		*l = leavings{found: l.found}
	}
	if r.warns > 0 {
		_, tag, _ := strings.Cut(s, "('")
		l.warning = [][]value{{text("Warning"), number(1265), text(strings.TrimSuffix(tag, "')"))}}
	}
}

func (b *backConn) warnings() *result {
	return &result{columns: []value{{}, {number: true}, {}}, rows: b.mem.left.warning}
}

// residue is what a client knows of leavings; nil: nothing.
type residue struct{ warning, count, found maybe }

// leftover leaves something behind, or asks for it.
func (c *client) leftover(tag string, alone bool) *statement {
	l := &c.twin.left
	if !alone {
		return nil
	}
	switch n := c.d.IntN(4); {
	case n == 0 && l.warning != nil:
		s := query("e"+tag, "SHOW WARNINGS")
		s.ok = func(a *answer) {
			got := text("nothing")
			if a.rows > 0 {
				got = a.first[2]
			}
			c.finds(s, &l.warning, got)
		}
		s.leaves = &residue{warning: l.warning}
		return s
	case n == 1 && l.count != nil:
		return c.asksFor("q"+tag, "ROW_COUNT()", &l.count)
	case n == 1 && l.found != nil:
		return c.asksFor("q"+tag, "FOUND_ROWS()", &l.found)
	case n == 2:
		rows := 2 + c.d.IntN(20)
		s := query("q"+tag, fmt.Sprintf("SELECT %s'q%s' FROM rows%d", calcFound, tag, rows))
		s.leaves = &residue{found: maybe{number(rows)}}
		return s
	}
	s := c.writes("w"+tag, false)
	s.leaves = &residue{count: maybe{number(1)}, warning: maybe{text("nothing")}}
	if c.d.one(2) {
		s.what = strings.Replace(s.what, "INTO t ", "INTO warn ", 1)
		s.body, s.leaves.warning = []byte(s.what), maybe{text(s.tag)}
	}
	return s
}

func (c *client) asksFor(tag, what string, m *maybe) *statement {
	s := query(tag, "SELECT '"+tag+"', "+what)
	s.ok = func(a *answer) { c.finds(s, m, a.first[1]) }
	return s
}

func (c *client) finds(s *statement, m *maybe, got value) {
	if before := *m; !m.sees(got) {
		c.fail("the answer to %s (%s) is %v, want %v", s.tag, s.what, got, before)
	}
}

// left notes what stands behind a statement.
func (c *client) left1(s *statement, good bool) {
	switch {
	case s.c == proto.ComPing || s.c == proto.ComStmtPrepare && good:
	case good && s.leaves != nil:
		c.twin.left = *s.leaves
	default:
		c.twin.left = residue{}
	}
}

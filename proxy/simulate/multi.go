package simulate

import "strconv"

// several says several statements in one text. Each has a result of its own.
func (c *client) several(tag string, _ bool) *statement {
	n := c.count*100 + c.d.IntN(100)
	tag = "q" + tag
	text := "SET @b = " + strconv.Itoa(n) + "; SELECT '" + tag + "', @b"
	writes := c.d.one(2)
	if writes {
		text += "; INSERT INTO t VALUES ('w" + tag + "')"
	}
	rows := 1 + c.d.IntN(30)
	text += "; SELECT '" + tag + "' FROM rows" + strconv.Itoa(rows)
	s := query(tag, text)
	s.partly = true
	set := c.assigns(s, "@b", number(n)).ok
	done := func(*answer) {}
	if writes {
		done = c.writes("w"+tag, false).ok
	}
	s.ok = func(a *answer) {
		set(a)
		want := 2
		if done(a); writes {
			want++
		}
		if len(a.earlier) != want {
			c.fail("the answer to %s has %d results, want %d", tag, len(a.earlier)+1, want+1)
			return
		}
		if first := a.earlier[1].first; len(first) != 2 || first[0].text != tag || first[1].text != strconv.Itoa(n) {
			c.fail("the answer to %s says %v", tag, first)
		}
		if a.rows != rows || a.first[0].text != tag {
			c.fail("the answer to %s ends with %d rows of %v, want %d", tag, a.rows, a.first, rows)
		}
	}
	return s
}

package simulate

import "strings"

// PREPARE and EXECUTE, which prepare a statement by its text.

func (b *backConn) prepareText(s string) *result {
	name, quoted, _ := strings.Cut(s, " FROM ")
	b.mem.Texts[name] = unquote(quoted)
	return &result{}
}

func (b *backConn) executeText(name string) *result {
	text, ok := b.mem.Texts[name]
	if !ok {
		return sqlErr(1243, "HY000", "Unknown prepared statement handler ("+name+") given to EXECUTE")
	}
	return b.run1(text)
}

// byText prepares such a statement, executes one, or drops it.
func (c *client) byText(tag string, _ bool) *statement {
	name := [...]string{"s1", "s2"}[c.d.IntN(2)]
	of, known := c.twin.texts[name]
	switch {
	case !known || c.d.one(4):
		s := query("p"+tag, "PREPARE "+name+" FROM 'SELECT ''q"+tag+"'', @a'")
		delete(c.twin.texts, name)
		s.ok = func(*answer) { c.twin.texts[name] = "q" + tag }
		return s
	case c.d.one(6):
		delete(c.twin.texts, name)
		return query("d"+tag, "DEALLOCATE PREPARE "+name)
	}
	s := query("x"+tag, "EXECUTE "+name)
	s.ok = func(a *answer) {
		if a.rows != 1 || a.first[0].text != of {
			c.fail("the answer to %s, an execution of %s, is %d rows, the first is %v", s.tag, of, a.rows, a.first)
			return
		}
		if m := c.twin.user["@a"]; !m.sees(a.first[1]) {
			c.fail("%s: @a is %v", s.tag, a.first[1])
		}
	}
	return s
}

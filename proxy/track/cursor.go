package track

// cursor goes through the tokens of a text, a statement after the other.
type cursor struct {
	lexer
	t token // the current one
}

func (c *cursor) advance() { c.t = c.next() }

// over reports whether the statement ends here.
func (c *cursor) over() bool { return c.t.kind == tokEnd || c.t.kind == tokSemicolon }

// word takes the current token if it is this word, in upper case.
func (c *cursor) word(w string) bool {
	if !c.is(c.t, w) {
		return false
	}
	c.advance()
	return true
}

// ahead is the token behind the current one.
func (c *cursor) ahead() token {
	l := c.lexer
	return l.next()
}

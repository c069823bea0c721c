package simulate

import (
	"bytes"
	"encoding/binary"
	"fmt"

	proto "segue/backend/wire"
)

// Parameters of prepared statements: their types are told once, and long ones are sent ahead.

// takes is COM_STMT_SEND_LONG_DATA.
func (m *memory) takes(body []byte) {
	id := binary.LittleEndian.Uint32(body)
	m.long[id] = append(m.long[id], body[6:]...)
}

// bind reads the parameter of a statement that has one, or none.
func (b *backConn) bind(p *preparation, body []byte) value {
	if p.params != 1 || len(body) < 11 {
		return value{}
	}
	rest := body[11:]
	if body[10] == 1 {
		p.Bound = true
		rest = rest[2:]
	}
	if !p.Bound {
		b.s.w.fail("%s is sent a value for %q, and has not been told of which type", b.name, p.Text)
	}
	if long, ahead := b.mem.long[p.id]; ahead {
		return text(string(long))
	}
	if body[9] == 1 {
		return value{null: true}
	}
	if s, n := proto.LenencString(rest); n == len(rest) && n > 0 {
		return text(string(s))
	}
	b.s.w.fail("%s is sent a value for %q that is none: %x", b.name, p.Text, body)
	return value{}
}

// binding is what a client knows of its statement with a parameter.
type binding struct {
	id    uint32
	of    string
	bound bool // it has told the type
	long  []byte
}

// parameter prepares a statement with a parameter, executes it, or sends its parameter ahead.
func (c *client) parameter(tag string, alone bool) *statement {
	p := c.twin.binding
	switch {
	case !alone:
		return nil
	case p == nil:
		text := "SELECT 'q" + tag + "', ?"
		s := &statement{tag: "q" + tag, what: "COM_STMT_PREPARE " + text, c: proto.ComStmtPrepare, body: []byte(text)}
		s.ok = func(a *answer) { c.twin.binding = &binding{id: a.prepared, of: s.tag} }
		return s
	case c.d.one(3) && len(p.long) < 300:
		return c.sendsAhead("b"+tag, p)
	}
	return c.binds("x"+tag, p)
}

func (c *client) sendsAhead(tag string, p *binding) *statement {
	data := bytes.Repeat([]byte(tag+" "), 1+c.d.IntN(20))
	s := &statement{tag: tag, what: fmt.Sprintf("COM_STMT_SEND_LONG_DATA %d (%d bytes)", p.id, len(data)), c: proto.ComStmtSendLongData}
	s.body = append(append(binary.LittleEndian.AppendUint32(nil, p.id), 0, 0), data...)
	s.ok = func(*answer) { p.long = append(p.long, data...) }
	return s
}

func (c *client) binds(tag string, p *binding) *statement {
	s := &statement{tag: tag, what: fmt.Sprintf("COM_STMT_EXECUTE %d (%s)", p.id, p.of), c: proto.ComStmtExecute}
	s.body = append(binary.LittleEndian.AppendUint32(nil, p.id), 0, 1, 0, 0, 0, 0) // not NULL
	if told := p.bound && c.d.one(2); told {
		s.body = append(s.body, 0)
	} else {
		s.body = append(s.body, 1, byte(proto.TypeBlob), 0)
	}
	want := string(p.long)
	if len(p.long) == 0 {
		want = "value of " + tag
		s.body = proto.AppendLenencString(s.body, want)
	}
	p.long = nil
	s.ok = func(a *answer) {
		if p.bound = true; a.rows != 1 || a.first[0].text != p.of || a.first[1].text != want {
			c.fail("the answer to %s is %d rows, the first is %v, want %q of %s", tag, a.rows, a.first, want, p.of)
		}
	}
	s.maybe = func() { p.bound = false }
	return s
}

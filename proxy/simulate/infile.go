package simulate

import (
	"bytes"
	"strings"
	"time"

	proto "segue/backend/wire"
)

// LOAD DATA LOCAL INFILE: the client sends a file in the middle of the answer.

// upload is a file that is on its way to a server.
type upload struct {
	tag string
	got []byte
	run int
}

// load begins to load a file.
func (b *backConn) load(s string) *result {
	tag, ok := between(s, "DATA LOCAL INFILE '", "' INTO TABLE t")
	if !ok {
		return sqlErr(1064, "42000", "load what")
	}
	b.file = &upload{tag: tag, run: b.run}
	return &result{file: tag}
}

// uploaded takes a packet of the file.
func (b *backConn) uploaded(payload []byte, inTurn bool) {
	f := b.file
	switch {
	case inTurn:
	case len(payload) == 1 && proto.Command(payload[0]) == proto.ComQuit: // who has given it up says so before he hangs up
		b.end(false)
		return
	default:
		b.s.w.fail("%s is sent a piece of a file that is not the next", b.name)
	}
	if len(payload) > 0 {
		f.got = append(f.got, payload...)
		b.work()
		return
	}
	b.file, b.busy = nil, true
	r := &result{}
	switch {
	case len(f.got) == 0:
	case !bytes.Equal(f.got, content(f.tag)):
		b.s.w.fail("%s has loaded %q of %s", b.name, f.got, f.tag)
	default:
		r = b.insert("INTO t VALUES ('" + f.tag + "')")
	}
	b.note("has loaded %s (%d bytes)", f.tag, len(f.got))
	b.answer(proto.ComQuery, r, f.run)
}

// content is that of a file.
func content(tag string) []byte { return []byte(strings.Repeat(tag+"\n", 40) + ".") }

// load has a file loaded.
func (c *client) load(tag string, alone bool) *statement {
	if !alone || !c.caps.Has(proto.ClientLocalFiles) {
		return nil
	}
	s := c.writes("w"+tag, false)
	s.what = "LOAD DATA LOCAL INFILE 'w" + tag + "' INTO TABLE t"
	acknowledged := s.ok
	s.ok = func(a *answer) {
		if !c.file.empty {
			acknowledged(a)
		}
		c.file = nil
	}
	s.body = []byte(s.what)
	return s
}

// sending is a file that a client sends.
type sending struct {
	left  []byte
	empty bool // it has thought better of it
	done  bool
}

// sends begins to send the file that was asked for.
func (c *client) sends(s *statement, name string) {
	if name != s.tag || c.file != nil {
		c.fail("it is asked for the file %q, in the answer to %s", name, s.tag)
		return
	}
	c.file = &sending{left: content(name), empty: c.d.one(6)}
	if c.file.empty {
		c.file.left = nil
	}
	c.sendFile(c.file)
}

func (c *client) sendFile(f *sending) {
	if c.over || c.file != f || f.done {
		return
	}
	n := min(len(f.left), 1+c.d.IntN(200))
	f.done = n == 0
	c.answer.seq++
	packet, _ := proto.AppendPacket(nil, c.answer.seq, f.left[:n])
	f.left = f.left[n:]
	c.x.send(packet, false)
	if !f.done {
		c.w.after(c.d.span(3*time.Millisecond), func() { c.sendFile(f) })
	}
}

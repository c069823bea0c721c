package proxy

import (
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/loop"
)

// parting is a connection to a backend whose handshake is not to be finished. It belongs to no session any more.
type parting struct {
	conn     loop.Conn
	timer    loop.Timer
	farewell client.Farewell
}

func (p *parting) begin(out []byte) {
	l := p.conn.Loop()
	_, _ = p.conn.Write(out)
	l.Arm(&p.timer, p, l.Now()+int64(closeGrace))
}

// Readable implements loop.Owner.
func (p *parting) Readable(c *loop.Conn) {
	b := c.Read()
	for len(b) > 0 {
		payload, seq, size, err := wire.OnePacket(b, client.MaxHandshake)
		if err == nil && size == 0 {
			c.Unread(b)
			return
		}
		out, over := []byte(nil), true
		if err == nil {
			out, over = p.farewell.Hear(nil, payload, seq)
			b = b[size:]
		}
		if len(out) > 0 {
			_, _ = c.Write(out)
		}
		if over {
			p.end()
			return
		}
	}
}

// Writable implements loop.Owner.
func (p *parting) Writable(*loop.Conn) {}

// Ended implements loop.Owner.
func (p *parting) Ended(*loop.Conn, error) { p.end() }

// Expired implements loop.TimerOwner.
func (p *parting) Expired(*loop.Timer) { p.end() }

func (p *parting) end() {
	if l := p.conn.Loop(); l != nil {
		l.Stop(&p.timer)
		p.conn.CloseAfterFlush(closeGrace)
	}
}

package simulate

import (
	"time"

	proto "segue/backend/wire"
)

// Servers end sessions that have been idle for too long, by wait_timeout.

// waitTimeout is in seconds, as the variable.
const waitTimeout = 1

// IdleLimit is for how long a server leaves a session idle; 0: for ever.
func (w *World) IdleLimit() time.Duration {
	if !w.plays(Idling) {
		return 0
	}
	return waitTimeout * time.Second
}

// Well reports whether a server does what it is there for, and has forgotten no connection. One whose host has been away has.
func (w *World) Well(name string) bool {
	if w.plays(Vanishing) {
		return false
	}
	for _, s := range w.servers {
		if s.name == name {
			return s.running && !s.hung && !s.lost
		}
	}
	return false
}

// idles has the connection end if nothing is said on it for so long. MySQL may say why.
func (b *backConn) idles() {
	limit := b.s.w.IdleLimit()
	if limit == 0 {
		return
	}
	run := b.run
	b.s.w.after(int64(limit), func() {
		switch {
		case b.over || b.busy || b.run != run || b.s.hung:
			return
		case b.s.kind == MySQL && b.d.one(2):
			said, _ := proto.AppendPacket(nil, 0, (&proto.Err{Code: 4031, Message: "The client was disconnected by the server because of inactivity."}).Append(nil))
			b.note("says that it was idle")
			b.send(said, true)
			b.die()
		default:
			b.note("was idle")
			b.end(false)
		}
	})
}

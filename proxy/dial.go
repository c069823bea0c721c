package proxy

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"time"

	"segue/backend/client"
	"segue/backend/dial"
	"segue/proxy/loop"
)

// lookupTimeout is how long a look-up of a name may take.
const lookupTimeout = 10 * time.Second

// dial connects to the backend: by its address, by its UNIX socket, or by the addresses that its name has.
func (l *link) dial() {
	address := l.backend.Address()
	if path, ok := dial.UnixPath(address); ok {
		l.over = client.UnixSocket
		l.dialTo(&net.UnixAddr{Net: "unix", Name: path})
		return
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		l.session.post(func() { l.lost(err) })
		return
	}
	if ap, err := netip.ParseAddrPort(address); err == nil {
		l.dialTo(net.TCPAddrFromAddrPort(ap))
		return
	}
	ctx, cancel := context.WithTimeout(l.session.w.server.lookups, lookupTimeout)
	l.session.w.server.errands.Go(func() {
		defer cancel()
		l.resolve(ctx, host, port)
	})
}

// dialTo connects to one address.
func (l *link) dialTo(to net.Addr) {
	if err := l.conn.Dial(l.session.w.loop, to, l.whenever(), l); err != nil {
		l.session.post(func() { l.lost(err) })
	}
}

// whenever is no deadline: who waits for a link has one.
func (l *link) whenever() int64 { return l.session.w.loop.Now() + int64(time.Hour) }

// resolve looks up the addresses of a name. It runs in a goroutine of its own.
func (l *link) resolve(ctx context.Context, host, port string) {
	addrs, err := dial.Lookup(ctx, host)
	number, portErr := strconv.ParseUint(port, 10, 16)
	if err == nil {
		err = portErr
	}
	l.session.post(func() {
		switch {
		case l.closed:
		case err != nil:
			l.lost(err)
		default:
			l.race = &race{link: l, port: uint16(number), decides: dial.NewRace(addrs, l.backend.Reached().Last())}
			l.race.proceed()
		}
	})
}

// lost is a dial that has come to nothing.
func (l *link) lost(err error) {
	if !l.closed {
		l.user.broke(l, err)
	}
}

// race dials the addresses of a name for a link, until one is connected. It belongs to the link's loop; nil: there is none.
type race struct {
	link    *link
	port    uint16
	decides *dial.Race
	open    []*attempt
	timer   loop.Timer
}

// attempt is one address that is being dialed.
type attempt struct {
	conn loop.Conn
	race *race
	to   netip.Addr
}

// proceed dials what is due.
func (r *race) proceed() {
	l := r.link.session.w.loop
	for {
		to, ok := r.decides.Next(time.Duration(l.Now()))
		if !ok {
			break
		}
		a := &attempt{race: r, to: to}
		if err := a.conn.Dial(l, net.TCPAddrFromAddrPort(netip.AddrPortFrom(to, r.port)), r.link.whenever(), a); err == nil {
			r.open = append(r.open, a)
		} else if r.decides.Failed(time.Duration(l.Now()), err) {
			r.end()
			return
		}
	}
	if at, ok := r.decides.Due(); ok {
		l.Arm(&r.timer, r, int64(at))
	}
}

// end tells the link that no address can be connected to.
func (r *race) end() {
	r.stop()
	r.link.race = nil
	r.link.lost(r.decides.Err())
}

// stop gives up what is left.
func (r *race) stop() {
	if r == nil {
		return
	}
	r.link.session.w.loop.Stop(&r.timer)
	for _, a := range r.open {
		a.conn.Close()
	}
	r.open = nil
}

// Expired implements loop.TimerOwner: the next address is due.
func (r *race) Expired(*loop.Timer) { r.proceed() }

// Writable implements loop.Owner: the attempt has won, and its connection is the link's.
func (a *attempt) Writable(c *loop.Conn) {
	l := a.race.link
	if !c.HandTo(&l.conn, l) {
		return
	}
	l.backend.Reached().Worked(a.to)
	a.race.stop()
	port := a.race.port
	l.race = nil
	l.connected(netip.AddrPortFrom(a.to, port))
}

// Ended implements loop.Owner: the attempt has failed.
func (a *attempt) Ended(_ *loop.Conn, err error) {
	r := a.race
	for i, other := range r.open {
		if other == a {
			r.open = append(r.open[:i], r.open[i+1:]...)
			break
		}
	}
	if r.decides.Failed(time.Duration(r.link.session.w.loop.Now()), err) {
		r.end()
		return
	}
	r.proceed()
}

// Readable implements loop.Owner.
func (*attempt) Readable(*loop.Conn) {}

// Crashed implements loop.Crasher.
func (r *race) Crashed(cause any, stack []byte) { r.link.Crashed(cause, stack) }

// Crashed implements loop.Crasher.
func (a *attempt) Crashed(cause any, stack []byte) { a.race.link.Crashed(cause, stack) }

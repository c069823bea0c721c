package loop

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// door accepts for a loop by a goroutine, where the loop cannot.
type door struct {
	loop *Loop
	key  key
	ln   net.Listener

	mu     sync.Mutex // guards what follows
	taken  sync.Cond
	nc     net.Conn // has been accepted, and not been taken yet
	err    error
	closed bool
}

func newDoor(l *Loop, k key, ln net.Listener) *door {
	d := &door{loop: l, key: k, ln: ln}
	d.taken.L = &d.mu
	l.feeders.Add(1)
	go d.run()
	return d
}

// run is the goroutine. It accepts one connection at a time, and waits until the loop has taken it.
func (d *door) run() {
	defer d.loop.feeders.Done()
	for {
		if nc, err := d.ln.Accept(); !d.offer(nc, err) {
			break
		}
	}
	if dl, ok := d.ln.(interface{ SetDeadline(time.Time) error }); ok {
		_ = dl.SetDeadline(time.Time{}) // others may go on with it
	}
}

func (d *door) offer(nc net.Conn, err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.nc, d.err = nc, err
		d.loop.mail.tell(event{key: d.key, bits: canRead})
	} else if nc != nil {
		_ = nc.Close()
	}
	for (d.nc != nil || d.err != nil) && !d.closed {
		d.taken.Wait()
	}
	return !d.closed && !errors.Is(err, net.ErrClosed)
}

// take is for the loop.
func (d *door) take() (s Socket, from netip.AddrPort, errno syscall.Errno, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	nc, err := d.nc, d.err
	d.nc, d.err = nil, nil
	d.taken.Broadcast()
	if nc == nil {
		if errno := syscall.Errno(0); errors.As(err, &errno) {
			err = errno
		}
		return s, from, syscall.EAGAIN, err
	}
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		from = a.AddrPort()
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	}
	return SocketOf(nc), from, 0, nil
}

// close ends the goroutine. What it has accepted and nobody has taken is closed.
func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.closed = true
	if d.nc != nil {
		_ = d.nc.Close()
	}
	if dl, ok := d.ln.(interface{ SetDeadline(time.Time) error }); ok {
		_ = dl.SetDeadline(time.Unix(1, 0))
	} else {
		_ = d.ln.Close()
	}
	d.taken.Broadcast()
}

package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Dialer connects, and blocks meanwhile. The zero Dialer asks the system's resolver and the network.
type Dialer struct {
	Lookup  func(ctx context.Context, host string) ([]netip.Addr, error)
	Connect func(ctx context.Context, address string) (net.Conn, error)
}

// Lookup gives the addresses of a name.
func Lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	return addrs, err
}

// fullPause is how long a UNIX socket is left alone whose queue is full: connect(2) fails at once there (EAGAIN), where one by TCP waits.
const fullPause = 5 * time.Millisecond

func connect(ctx context.Context, address string) (net.Conn, error) {
	network, at := Split(address)
	for {
		conn, err := new(net.Dialer).DialContext(ctx, network, at)
		if network != "unix" || !errors.Is(err, syscall.EAGAIN) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(fullPause):
		}
	}
}

// Dial connects to address, "host:port" or "unix:PATH". All that it has begun has ended when it returns.
func (d Dialer) Dial(ctx context.Context, address string, m *Memory) (net.Conn, error) {
	if d.Lookup == nil {
		d.Lookup = Lookup
	}
	if d.Connect == nil {
		d.Connect = connect
	}
	if _, ok := UnixPath(address); ok {
		return d.Connect(ctx, address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return d.Connect(ctx, address)
	}
	addrs, err := d.Lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	r := &running{connect: d.Connect, port: port, race: NewRace(addrs, m.Last()), began: time.Now(), ended: make(chan attempt)}
	return r.run(ctx, m)
}

// running is a race under way.
type running struct {
	connect func(ctx context.Context, address string) (net.Conn, error)
	port    string
	race    *Race
	began   time.Time
	ended   chan attempt
	open    int // attempts that have not ended
}

// attempt is how one has ended.
type attempt struct {
	to   netip.Addr
	conn net.Conn
	err  error
}

func (r *running) run(ctx context.Context, m *Memory) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer r.drain()
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case a := <-r.ended:
			r.open--
			if a.err == nil {
				m.Worked(a.to)
				return a.conn, nil
			}
			if r.race.Failed(time.Since(r.began), a.err) || ctx.Err() != nil {
				return nil, r.race.Err()
			}
		}
		r.proceed(ctx)
		if at, ok := r.race.Due(); ok {
			timer.Reset(time.Until(r.began.Add(at)))
		}
	}
}

// proceed dials the next address, if it is due.
func (r *running) proceed(ctx context.Context) {
	if to, ok := r.race.Next(time.Since(r.began)); ok {
		r.open++
		go r.attempt(ctx, to)
	}
}

// attempt is the goroutine that dials one address; run or drain takes what comes of it.
func (r *running) attempt(ctx context.Context, to netip.Addr) {
	conn, err := r.connect(ctx, net.JoinHostPort(to.String(), r.port))
	r.ended <- attempt{to, conn, err}
}

// drain waits for the attempts that are left, which have been cancelled.
func (r *running) drain() {
	for ; r.open > 0; r.open-- {
		if a := <-r.ended; a.err == nil {
			_ = a.conn.Close()
		}
	}
}

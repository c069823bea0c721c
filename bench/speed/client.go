package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"syscall"
	"time"

	"segue/backend/wire"
)

// client is one connection of the load.
type client struct {
	socket
	left int // of the answer that it waits for, in bytes; 0: it waits for none
	sent time.Time
}

// login connects and logs in.
func login(to target) (*client, error) {
	s, err := dial(to)
	if err != nil {
		return nil, err
	}
	c := &client{socket: s}
	if err := c.handshake(); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("log in at %s: %w", to, err)
	}
	return c, nil
}

// user and password are those of the load, by which Segue can move its sessions.
const user, password = "bench", "bench"

func (c *client) handshake() error {
	r := wire.NewReader(c, 1<<20)
	b, _, err := r.Next()
	if err != nil {
		return err
	}
	var g wire.HandshakeV10
	if err := g.Decode(b); err != nil {
		return err
	}
	answer := wire.HandshakeResponse41{
		Capabilities: capabilities &^ wire.ClientConnectWithDB, Charset: 45, Username: user,
		AuthResponse: wire.NativePassword(g.AuthData, []byte(password)), AuthPlugin: wire.PluginNativePassword,
	}
	if _, err := c.Write(packet(1, answer.Append(nil))); err != nil {
		return err
	}
	return accepted(r)
}

// accepted reads an OK packet.
func accepted(r *wire.Reader) error {
	b, _, err := r.Next()
	if err != nil {
		return err
	}
	if wire.IsErr(b) || b[0] != 0 {
		return fmt.Errorf("refused: %q", b)
	}
	return nil
}

// prepare prepares the one statement there is.
func (c *client) prepare() error {
	if _, err := c.Write(prepare()); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, c, int64(len(preparation())))
	return err
}

// ask sends a statement, on a blocking connection, and reads its answer.
func (c *client) ask(w *workload) error {
	if _, err := c.Write(w.statement); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, c, int64(w.answer.size()))
	return err
}

// load is a number of connections that are kept, and one thread that works them.
type load struct {
	poller *poller
	conns  map[socket]*client
	order  []*client
	buf    []byte
}

// connect opens so many connections.
func connect(to target, n int, prepared bool) (*load, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	l := &load{poller: p, conns: map[socket]*client{}, buf: make([]byte, 1<<20)}
	for range n {
		c, err := login(to)
		if err == nil && prepared {
			err = c.prepare()
		}
		if err == nil {
			err = p.add(c.socket, syscall.EPOLLIN)
		}
		if err != nil {
			l.close()
			return nil, err
		}
		l.conns[c.socket] = c
		l.order = append(l.order, c)
	}
	return l, nil
}

func (l *load) close() {
	for _, c := range l.order {
		_ = c.Close()
	}
	_ = syscall.Close(l.poller.fd)
}

// measured is what came of a load.
type measured struct {
	statements int
	took       time.Duration
	latency    []time.Duration // of each
}

// note notes an answer.
func (m *measured) note(c *client, now time.Time) {
	m.statements++
	m.latency = append(m.latency, now.Sub(c.sent))
}

// quantile is the latency that this share of the answers did not exceed.
func (m *measured) quantile(q float64) time.Duration {
	if len(m.latency) == 0 {
		return 0
	}
	slices.Sort(m.latency)
	return m.latency[int(q*float64(len(m.latency)-1))]
}

// mean is the mean latency.
func (m *measured) mean() (d time.Duration) {
	for _, l := range m.latency {
		d += l
	}
	return d / time.Duration(max(len(m.latency), 1))
}

// silence is how long the load waits for an answer.
const silence = 10 * time.Second

var errSilent = fmt.Errorf("no answer within %v", silence)

// saturate has each connection send the next statement as soon as it has its answer, for a while.
func (l *load) saturate(w *workload, d time.Duration) (measured, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	m := measured{latency: make([]time.Duration, 0, 1<<20)}
	began := time.Now()
	for _, c := range l.order {
		if err := c.send(w, began); err != nil {
			return m, err
		}
	}
	waiting, last := len(l.order), began
	for waiting > 0 {
		events, err := l.poller.wait(100)
		if err != nil {
			return m, err
		}
		now := time.Now()
		if len(events) == 0 && now.Sub(last) > silence {
			return m, errSilent
		}
		for _, e := range events {
			last = now
			c := l.conns[socket(e.Fd)]
			done, err := c.receive(l.buf)
			if err != nil {
				return m, err
			}
			if !done {
				continue
			}
			now = time.Now()
			m.note(c, now)
			if now.Sub(began) > d {
				waiting--
			} else if err := c.send(w, now); err != nil {
				return m, err
			}
		}
	}
	m.took = time.Since(began)
	return m, nil
}

// pace sends so many statements per second, over all connections in turn, for a while. One whose turn comes while it waits is passed over.
func (l *load) pace(w *workload, rate int, d time.Duration) (measured, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	m := measured{latency: make([]time.Duration, 0, 1<<20)}
	gap := time.Second / time.Duration(rate)
	began := time.Now()
	due, next, waiting := began, 0, 0
	for {
		now := time.Now()
		if now.Sub(began) > d && waiting == 0 {
			break
		}
		for ; !due.After(now) && now.Sub(began) <= d; due = due.Add(gap) {
			c := l.order[next%len(l.order)]
			next++
			if c.left > 0 {
				continue
			}
			if err := c.send(w, due); err != nil { // from when it was due: a load that is late must not hide it
				return m, err
			}
			waiting++
		}
		events, err := l.poller.wait(int(max(0, min(time.Until(due)/time.Millisecond, 10))))
		if err != nil {
			return m, err
		}
		for _, e := range events {
			c := l.conns[socket(e.Fd)]
			done, err := c.receive(l.buf)
			if err != nil {
				return m, err
			}
			if done {
				waiting--
				m.note(c, time.Now())
			}
		}
	}
	m.took = time.Since(began)
	return m, nil
}

func (c *client) send(w *workload, at time.Time) error {
	c.left, c.sent = w.answer.size(), at
	if _, err := c.Write(w.statement); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// receive reads once, and reports whether the answer is whole.
func (c *client) receive(buf []byte) (done bool, err error) {
	n, err := c.Read(buf)
	if err != nil {
		return false, fmt.Errorf("receive: %w", err)
	}
	if n > c.left {
		return false, fmt.Errorf("received %d bytes more than the answer has", n-c.left)
	}
	c.left -= n
	return c.left == 0, nil
}

// visits is a load of clients that connect, ask once, and quit, over and over.
func visits(to target, w *workload, clients int, d time.Duration) (measured, error) {
	began := time.Now()
	results := make(chan visited)
	for range clients {
		go visitor(to, w, began.Add(d), results)
	}
	var m measured
	var err error
	for range clients {
		r := <-results
		m.statements += len(r.latency)
		m.latency = append(m.latency, r.latency...)
		err = errors.Join(err, r.err)
	}
	m.took = time.Since(began)
	return m, err
}

// visited is what came of one client's visits.
type visited struct {
	latency []time.Duration // of each, from connecting to the answer
	err     error
}

// visitor visits until a time, and then says what came of it.
func visitor(to target, w *workload, until time.Time, results chan<- visited) {
	var v visited
	for v.err == nil && time.Now().Before(until) {
		began := time.Now()
		if v.err = visit(to, w); v.err == nil {
			v.latency = append(v.latency, time.Since(began))
		}
	}
	results <- v
}

func visit(to target, w *workload) error {
	c, err := login(to)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.ask(w); err != nil {
		return err
	}
	_, err = c.Write(packet(0, []byte{byte(wire.ComQuit)}))
	return err
}

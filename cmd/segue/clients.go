package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"

	"segue/config"
	proxy "segue/proxy"
)

// clientSocket is a socket on which applications connect, for sessions or for loads.
type clientSocket struct {
	net.Listener             // as the server accepts on it, but for loads: see door
	door         *loadDoor   // where loads are accepted; nil: it is for sessions
	file         *socketFile // nil: it is TCP, or the service manager's
	given        string      // the address that it was bound for, or has been taken over for; empty: neither is known
}

// is reports whether an address of the configuration stands for it. One with port 0 is known by what it was bound for.
func (c *clientSocket) is(address string) bool { return c.given == address || sameListener(c, address) }

// isIn reports whether one of those of a configuration does.
func (c *clientSocket) isIn(list []config.Listen) bool {
	return slices.ContainsFunc(list, func(l config.Listen) bool { return c.is(l.Address) })
}

// newClientSocket is one for sessions that is another process's too, or was.
func newClientSocket(ln net.Listener, own bool) *clientSocket { return forSessions.adopt(ln, own) }

// socketKind is what sockets are for that applications connect to.
type socketKind struct {
	key       string // of the configuration, and of their name where they are passed
	listen    func(ctx context.Context, address string) (net.Listener, error)
	accepting func(net.Listener) net.Listener // makes one of a socket from elsewhere
}

var (
	forSessions = socketKind{"listen", proxy.Listen, proxy.Accepting}
	forLoads    = socketKind{"load.listen", listenLoads, func(ln net.Listener) net.Listener { return ln }}
)

func (k socketKind) adopt(ln net.Listener, own bool) *clientSocket {
	c := &clientSocket{Listener: k.accepting(ln)}
	if unix, ok := ln.(*net.UnixListener); ok && own {
		c.file = newSocketFile(unix, unix.Addr().String())
	}
	return c
}

// bind binds an address of the configuration.
func (k socketKind) bind(l config.Listen) (*clientSocket, error) {
	path, isPath := config.UnixPath(l.Address)
	if !isPath {
		ln, err := k.listen(context.Background(), l.Address)
		return &clientSocket{Listener: ln, given: l.Address}, err
	}
	f, err := openSocketFor(path, l.SocketMode(), l.Group, "group of "+k.key)
	if err != nil {
		return nil, err
	}
	return &clientSocket{Listener: k.accepting(f.UnixListener), file: f, given: l.Address}, nil
}

// remove takes the file away that it has been, once it has been closed.
func (c *clientSocket) remove() {
	if c.file != nil {
		c.file.remove()
	}
}

// clientSockets are all of them. A reload may bring some, and take others away.
type clientSockets struct {
	loads  bool // they are for loads, and not for sessions
	passed bool // by a service manager: what the configuration says of them does not count

	mu     sync.Mutex // guards what follows
	list   []*clientSocket
	closed bool
}

func (c *clientSockets) kind() socketKind {
	if c.loads {
		return forLoads
	}
	return forSessions
}

// all are those of this moment.
func (c *clientSockets) all() []*clientSocket {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

// add takes one more in; it is closed where all are.
func (c *clientSockets) add(s *clientSocket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = s.Close()
		s.remove()
		return
	}
	c.list = append(c.list, s)
}

// drop forgets one.
func (c *clientSockets) drop(s *clientSocket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = slices.DeleteFunc(c.list, func(o *clientSocket) bool { return o == s })
}

// at is the one that an address of the configuration stands for; nil: there is none.
func (c *clientSockets) at(address string) *clientSocket {
	for _, s := range c.all() {
		if s.is(address) {
			return s
		}
	}
	return nil
}

// know notes which addresses of a configuration they stand for. A name among them may be looked up in vain later.
func (c *clientSockets) know(list []config.Listen) (any bool) {
	for _, l := range list {
		if s := c.at(l.Address); s != nil {
			any = true
			if s.given == "" {
				s.given = l.Address
			}
		}
	}
	return any
}

// close closes them.
func (c *clientSockets) close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, s := range c.list {
		_ = s.Close()
	}
}

// remove takes the files away, once all have been closed.
func (c *clientSockets) remove() {
	for _, s := range c.all() {
		s.remove()
	}
}

// addresses are theirs as one writes them.
func (c *clientSockets) addresses() (names []string) {
	for _, s := range c.all() {
		names = append(names, socketName(s.Addr()))
	}
	return names
}

// String is the addresses in a line.
func (c *clientSockets) String() string { return strings.Join(c.addresses(), ", ") }

// bind binds what the configuration has beside those that there are. On an error nothing has been bound.
func (c *clientSockets) bind(list []config.Listen) (fresh []*clientSocket, err error) {
	if c.passed {
		return nil, nil
	}
	for _, l := range list {
		if c.at(l.Address) != nil {
			continue
		}
		s, err := listen(c.kind().key, l.Address, func(string) (*clientSocket, error) { return c.kind().bind(l) })
		if err != nil {
			if other := c.onPort(l.Address); other != nil && errors.Is(err, syscall.EADDRINUSE) {
				err = fmt.Errorf("%s on %s: Segue itself has the port, on %s; a change between the two needs a restart: %w", c.kind().key, l.Address, socketName(other.Addr()), syscall.EADDRINUSE)
			}
			closeSockets(fresh)
			return nil, err
		}
		fresh = append(fresh, s)
	}
	return fresh, nil
}

// onPort is one that has the TCP port of an address; nil: none has.
func (c *clientSockets) onPort(address string) *clientSocket {
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil
	}
	for _, s := range c.all() {
		if has, ok := s.Addr().(*net.TCPAddr); ok && has.Port == a.Port {
			return s
		}
	}
	return nil
}

// closeSockets closes sockets on which nobody has accepted yet.
func closeSockets(fresh []*clientSocket) {
	for _, s := range fresh {
		_ = s.Close()
		s.remove()
	}
}

// surplus are those that the configuration does not have.
func (c *clientSockets) surplus(list []config.Listen) (more []*clientSocket) {
	if c.passed {
		return nil
	}
	for _, s := range c.all() {
		if !s.isIn(list) {
			more = append(more, s)
		}
	}
	return more
}

// permit gives the files the modes and groups that the configuration has for them.
func (c *clientSockets) permit(list []config.Listen, log *slog.Logger) {
	for _, l := range list {
		if s := c.at(l.Address); s != nil && s.file != nil {
			if err := s.file.permit(l.SocketMode(), l.Group, "group of "+c.kind().key); err != nil {
				log.Warn("the permissions of a socket could not be set", "listen", l.Address, "cause", innermost(err))
			}
		}
	}
}

// rebind binds what a new configuration has beside the present sockets, so that nothing fails once it is taken. take lets the server accept there, and no
// more where the configuration has nothing any longer; sessions stay. drop has everything be as it was.
func (a *app) rebind(c *config.Config) (take, drop func(), err error) {
	sockets := a.sockets.clients
	if a.ceded.Load() {
		return func() {}, func() {}, nil
	}
	fresh, err := sockets.bind(c.Listen)
	if err != nil {
		return nil, nil, err
	}
	takeLoads, dropLoads, err := a.rebindLoads(c)
	if err != nil {
		closeSockets(fresh)
		return nil, nil, err
	}
	drop = func() { closeSockets(fresh); dropLoads() }
	return func() {
		takeLoads()
		gone := sockets.surplus(c.Listen)
		for _, s := range fresh {
			sockets.add(s)
			a.server.Listen(s.Listener)
		}
		a.leave(gone)
		sockets.permit(c.Listen, a.log)
		a.reoffer(c.Listen)
	}, drop, nil
}

// leave closes sockets that applications are not to connect to any more.
func (a *app) leave(gone []*clientSocket) {
	for _, s := range gone {
		a.sockets.clients.drop(s)
		a.server.Unlisten(s.Listener)
		s.remove()
	}
}

// openSocketFor binds one that has its mode and its group before anybody may connect whom they do not let.
func openSocketFor(path string, mode fs.FileMode, group, key string) (*socketFile, error) {
	f, err := openSocket(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("its folder does not exist: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if err := f.permit(mode, group, key); err != nil {
		_ = f.Close()
		f.remove()
		return nil, err
	}
	return f, nil
}

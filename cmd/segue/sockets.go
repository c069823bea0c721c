package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"segue/config"
	proxy "segue/proxy"
)

// sockets are what a Segue listens on. Those that are nil have yet to be bound.
type sockets struct {
	clients net.Listener // where applications connect
	api     net.Listener // the admin API
	offer   *socketFile  // where another Segue asks for all of these; nil: it cannot. See takeover.go
}

// open gets the sockets: those of a Segue that runs, those that have been passed, and what is missing.
func (a *app) open(c *config.Config, o options) error {
	a.sockets = o.sockets
	if o.takeover {
		if err := a.takeOver(c, o); err != nil {
			a.sockets.close()
			return err
		}
	}
	err := a.sockets.bind(c)
	switch {
	case err != nil && a.predecessor != nil:
		a.predecessor.spare()
		return err
	case err != nil && o.takeover && errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; no Segue offers to be taken over from here: takeover.socket, takeover.offer and the user must fit", err)
	case err != nil:
		return err
	}
	if !c.Takeover.Offer {
		if a.sockets.offer != nil { // taken over: from here it goes no further
			_ = a.sockets.offer.Close()
			a.sockets.offer = nil
		}
		return nil
	}
	if a.sockets.offer != nil {
		return nil
	}
	path, err := o.place.of(a.sockets.clients.Addr())
	if err == nil {
		a.sockets.offer, err = openSocket(path, 0o600)
	}
	switch {
	case errors.Is(err, errNoFolder):
		a.log.Info("no other Segue can take over from this one", "cause", err)
	case err != nil:
		a.log.Warn("no other Segue can take over from this one", "cause", err)
	}
	return nil
}

// takeOver gets the sockets of the Segue that runs, if one does.
func (a *app) takeOver(c *config.Config, o options) error {
	at, err := net.ResolveTCPAddr("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("take over from the Segue on %s: %w", c.Listen, err)
	}
	path, err := o.place.of(at)
	if err != nil {
		a.log.Warn("nothing to take over: a start like any other", "listen", c.Listen, "cause", err)
		return nil
	}
	s, p, err := takeOver(path, c.Listen)
	switch {
	case errors.Is(err, errNoSegue):
		a.log.Warn("nothing to take over: a start like any other", "listen", c.Listen, "cause", err)
		return nil
	case err != nil:
		return fmt.Errorf("take over from the Segue on %s: %w", c.Listen, err)
	case p == nil:
		return nil
	}
	a.sockets.close()
	a.sockets, a.predecessor = s, p
	a.log.Info("taking over", "listen", s.clients.Addr().String(), "pid", p.pid)
	if s.api != nil && !sameListener(s.api, c.Admin) {
		_ = s.api.Close()
		a.sockets.api = nil
	}
	if unix, ok := a.sockets.api.(*net.UnixListener); ok {
		a.sockets.api = &socketFile{unix, unix.Addr().String()}
	}
	return nil
}

// bind binds what is missing. On an error everything is closed.
func (s *sockets) bind(c *config.Config) (err error) {
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.clients == nil {
		if s.clients, err = listen("listen", c.Listen, func(address string) (net.Listener, error) { return proxy.Listen(context.Background(), address) }); err != nil {
			return err
		}
	}
	if s.api == nil {
		if s.api, err = listen("admin", c.Admin, func(address string) (net.Listener, error) { return listenAdmin(address, c.Access) }); err != nil {
			return err
		}
	}
	return nil
}

// listenAdmin binds the address of the admin API.
func listenAdmin(address string, a config.Access) (net.Listener, error) {
	path, ok := config.UnixPath(address)
	if !ok {
		return net.Listen("tcp", address)
	}
	gid := -1
	if a.Group != "" {
		var err error
		if gid, err = groupID(a.Group); err != nil {
			return nil, err
		}
	}
	f, err := openSocket(path, 0o600)
	if err != nil {
		return nil, err
	}
	err = os.Chown(path, -1, gid)
	if err == nil {
		err = os.Chmod(path, a.SocketMode()) // behind the group, which would have it for a moment
	}
	if err != nil {
		_ = f.Close()
		f.remove()
		return nil, err
	}
	return f, nil
}

// groupID is the number of a group that is given by its name, or by that.
func groupID(name string) (int, error) {
	if id, err := strconv.Atoi(name); err == nil && id >= 0 {
		return id, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, fmt.Errorf("admin_group: %w", err)
	}
	return strconv.Atoi(g.Gid)
}

// close closes them. Where other processes have them too, nothing else happens.
func (s *sockets) close() {
	if s.clients != nil {
		_ = s.clients.Close()
	}
	if s.api != nil {
		_ = s.api.Close()
	}
	if s.offer != nil {
		_ = s.offer.Close()
	}
}

// remove takes the files away that they have been, once they have been closed.
func (s *sockets) remove() {
	if f, ok := s.api.(*socketFile); ok {
		f.remove()
	}
	if s.offer != nil {
		s.offer.remove()
	}
}

// listen binds the address of a key of the configuration.
func listen(key, address string, bind func(address string) (net.Listener, error)) (net.Listener, error) {
	ln, err := bind(address)
	if err == nil {
		return ln, nil
	}
	remedy := "choose another address with --" + key
	if errors.Is(err, syscall.EADDRINUSE) {
		remedy = "is another Segue or a server using it? " + remedy + ", or take over from that Segue with --takeover"
	}
	return nil, fmt.Errorf("%s on %s: %w; %s", key, address, innermost(err), remedy)
}

// innermost is what was wrong, without the layers that say where.
func innermost(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || inner.Unwrap() == nil {
			return err
		}
		err = inner.Unwrap()
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"segue/config"
	"segue/proxy"
)

// sockets are what a Segue listens on. Those that are nil have yet to be bound.
type sockets struct {
	clients net.Listener      // where applications connect
	api     net.Listener      // the admin API
	offer   *net.UnixListener // where another Segue asks for all of these; nil: it cannot. See takeover.go
}

// open gets the sockets: those of a Segue that runs, those that have been passed, and what is missing.
func (a *app) open(c *config.Config, o options) error {
	a.sockets = o.sockets
	if o.takeover {
		s, p, err := takeOver(c.Listen)
		if err != nil {
			a.sockets.close()
			return fmt.Errorf("take over from the Segue on %s: %w", c.Listen, err)
		}
		if p != nil {
			a.sockets.close()
			a.sockets, a.predecessor = s, p
			a.log.Info("taking over", "listen", s.clients.Addr().String(), "pid", p.pid)
			if !sameListener(s.api, c.Admin) {
				_ = s.api.Close()
				a.sockets.api = nil
			}
		}
	}
	if err := a.sockets.bind(c); err != nil {
		if a.predecessor != nil {
			a.predecessor.spare()
		}
		return err
	}
	if a.sockets.offer == nil {
		var err error
		if a.sockets.offer, err = offerAt(a.sockets.clients.Addr()); err != nil {
			a.log.Warn("no other Segue can take over from this one", "cause", innermost(err))
		}
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
		if s.api, err = listen("admin", c.Admin, func(address string) (net.Listener, error) { return net.Listen("tcp", address) }); err != nil {
			return err
		}
	}
	return nil
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

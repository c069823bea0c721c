package main

import (
	"context"
	"net"
	"time"

	"segue/config"
	"segue/proxy/load"
)

// loadOptions are those of c.
func loadOptions(c *config.Config) load.Options {
	o := load.Options{
		Follow: c.Loads.Follow, Buffer: c.Loads.Buffer, Memory: c.Loads.Memory, Connections: c.Loads.Connections, Header: c.Loads.Header, Progress: c.Loads.Progress,
		Dial: c.Proxy.ConnectTimeout, Budget: c.Proxy.ConnectBudget, Hold: c.Proxy.Hold.Timeout, Flavor: c.Flavor.String(),
		Addresses: c.Loads.Addresses, Nodes: c.Loads.Nodes,
	}
	if o.Buffer == 0 {
		o.Buffer = -1 // zero means its default
	}
	return o
}

// listenLoads binds an address for loads. Keepalive is the server's affair.
func listenLoads(ctx context.Context, address string) (net.Listener, error) {
	return (&net.ListenConfig{KeepAlive: -1}).Listen(ctx, "tcp", address)
}

// serveLoads has the server of loads accept on a socket.
func (a *app) serveLoads(s *clientSocket) {
	s.door = newLoadDoor(s.Listener, a.loadEntry)
	s.door.refused = func(from net.Addr, cause error) {
		a.log.Debug("a client was not let in to load", "client", from.String(), "cause", innermost(cause)) // whoever connects and goes can cause as many as it likes
	}
	a.loads.Listen(s.door)
}

// loadEntry is what those who connect for a load have to show now.
func (a *app) loadEntry() loadEntry {
	c := a.config.current()
	e := loadEntry{required: c.TLS.Mode == config.TLSRequired, patience: c.Loads.Header, proxied: c.Proxy.ProxiedFrom}
	if server := a.certificates.clients.server.Load(); server != nil {
		e.tls = server.Config()
	}
	return e
}

// rebindLoads binds what a new configuration has beside the present sockets for loads; see rebind.
func (a *app) rebindLoads(c *config.Config) (take, drop func(), err error) {
	sockets := a.sockets.loads
	fresh, err := sockets.bind(c.Loads.Listen)
	if err != nil {
		return nil, nil, err
	}
	return func() {
		gone := sockets.surplus(c.Loads.Listen)
		for _, s := range fresh {
			sockets.add(s)
			a.serveLoads(s)
		}
		a.dropLoads(gone)
		sockets.permit(c.Loads.Listen, a.log)
	}, func() { closeSockets(fresh) }, nil
}

// dropLoads closes sockets on which nobody is to load any more. Loads that have come by them go on.
func (a *app) dropLoads(gone []*clientSocket) {
	for _, s := range gone {
		a.sockets.loads.drop(s)
		if s.door != nil {
			a.loads.Unlisten(s.door)
		}
		_ = s.Close()
		s.remove()
	}
}

// runLoads serves loads until ctx is done, and for those that are left for drain.timeout more. leave ends the former: another Segue has taken over.
func (a *app) runLoads(ctx context.Context) error {
	accepting, leave := context.WithCancel(ctx)
	defer leave()
	go func() {
		select {
		case <-a.loadsLeft:
			leave()
		case <-accepting.Done():
		}
	}()
	over := make(chan struct{})
	go func() {
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		timer := time.NewTimer(a.config.current().Proxy.DrainTimeout)
		defer timer.Stop()
		select {
		case <-over:
			return
		case <-timer.C:
			if n := len(a.loads.Loads()); a.loading() {
				a.log.Warn("loads are cut off at the drain deadline", "loads", n, "timeout", a.config.current().Proxy.DrainTimeout)
			}
		case <-a.hurried:
		}
		a.loads.Close()
	}()
	defer close(over)
	return a.loads.Serve(accepting)
}

// leaveLoads has loads be accepted no more: another Segue does.
func (a *app) leaveLoads() { close(a.loadsLeft) }

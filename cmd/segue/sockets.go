package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"segue/config"
)

// sockets are what a Segue listens on. Those that are nil have yet to be bound.
type sockets struct {
	clients   *clientSockets // where applications connect
	loads     *clientSockets // … for loads
	api       net.Listener   // the admin API
	apiPassed bool           // by a service manager: what the configuration says of it does not count
	offer     *offer         // where another Segue asks for all of these; nil: it cannot. See takeover.go
	run       string         // of the process that has them, as its greeting tells
	args      []string       // likewise
}

// open gets the sockets: those of a Segue that runs, those that have been passed, and what is missing.
func (a *app) open(c *config.Config, o options) error {
	a.sockets, a.place = o.sockets, o.place
	a.sockets.run, a.sockets.args = o.systemd.run(), o.args
	if len(o.sockets.loads.all()) > 0 && !c.Flavor.IsFE() {
		a.sockets.close()
		return fmt.Errorf("LISTEN_FDNAMES: a socket is named %s, and %s has no Stream Load; disable its .socket unit", forLoads.key, c.Flavor)
	}
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
			a.sockets.offer.close()
			a.sockets.offer = nil
		}
		return nil
	}
	if a.sockets.offer != nil {
		return nil
	}
	paths, err := a.offerPaths(c.Listen)
	if err == nil {
		var f *socketFile
		if f, err = openSocket(paths[0]); err == nil {
			a.sockets.offer = newOffer(f)
		}
	}
	switch {
	case errors.Is(err, errNoFolder):
		a.log.Info("no other Segue can take over from this one", "cause", err)
	case err != nil:
		a.log.Warn("no other Segue can take over from this one", "cause", err)
	}
	return nil
}

// takeOver gets the sockets of the Segue that runs, if one does: it is looked for at each address.
func (a *app) takeOver(c *config.Config, o options) error {
	var asked []string
	for _, l := range c.Listen {
		at, err := resolve(l.Address)
		if err != nil {
			return fmt.Errorf("take over from the Segue on %s: %w", l.Address, err)
		}
		path, err := o.place.of(at)
		if err != nil {
			a.log.Warn("nothing to take over: a start like any other", "listen", l.Address, "cause", err)
			return nil
		}
		if slices.Contains(asked, path) {
			continue
		}
		asked = append(asked, path)
		s, p, err := takeOver(path, wanted{listen: c.Listen})
		switch {
		case errors.Is(err, errNoSegue):
			a.log.Warn("nothing to take over: a start like any other", "listen", l.Address, "cause", err)
		case err != nil:
			return fmt.Errorf("take over from the Segue on %s: %w", l.Address, err)
		case p != nil:
			a.succeed(c, s, p)
			return nil
		}
	}
	return a.takeOverUnit(c, o, asked)
}

// takeOverUnit is takeOver from the Segue that this process's unit runs, if that is at none of the addresses: systemd has bound another one for it, or the file has
// changed since.
func (a *app) takeOverUnit(c *config.Config, o options, asked []string) error {
	for _, path := range o.place.ofUnit() {
		if slices.Contains(asked, path) {
			continue
		}
		s, p, err := takeOver(path, wanted{listen: c.Listen, run: o.place.run})
		switch {
		case errors.Is(err, errNoSegue): // another unit's
		case err != nil:
			return fmt.Errorf("take over from the Segue of this unit: %w", err)
		case p != nil:
			a.succeed(c, s, p)
			return nil
		}
	}
	return nil
}

// succeed takes the sockets of a Segue that is to be taken over from.
func (a *app) succeed(c *config.Config, s sockets, p *predecessor) {
	a.sockets.close()
	s.run, s.args = a.sockets.run, a.sockets.args
	a.sockets, a.predecessor = s, p
	a.log.Info("taking over", "listen", s.clients.String(), "pid", p.pid)
	if s.api != nil && !s.apiPassed && !sameListener(s.api, c.Admin) {
		_ = s.api.Close()
		a.sockets.api = nil
	}
}

// resolve is an address of the configuration as the system has it.
func resolve(address string) (net.Addr, error) {
	if path, ok := config.UnixPath(address); ok {
		return &net.UnixAddr{Net: "unix", Name: path}, nil
	}
	return net.ResolveTCPAddr("tcp", address)
}

// bind binds what is missing. On an error everything is closed.
func (s *sockets) bind(c *config.Config) (err error) {
	defer func() {
		if err != nil {
			s.abandon()
		}
	}()
	if s.clients == nil {
		s.clients = &clientSockets{}
	}
	fresh, err := s.clients.bind(c.Listen)
	if err != nil {
		return err
	}
	for _, f := range fresh {
		s.clients.add(f)
	}
	if s.loads == nil {
		s.loads = &clientSockets{loads: true}
	}
	if fresh, err = s.loads.bind(c.Loads.Listen); err != nil {
		return err
	}
	for _, f := range fresh {
		s.loads.add(f)
	}
	if s.api == nil {
		s.api, err = listen("admin", c.Admin, func(address string) (net.Listener, error) { return listenAdmin(address, c.Access) })
	}
	return err
}

// listenAdmin binds the address of the admin API.
func listenAdmin(address string, a config.Access) (net.Listener, error) {
	path, ok := config.UnixPath(address)
	if !ok {
		return net.Listen("tcp", address)
	}
	f, err := openSocketFor(path, a.SocketMode(), a.Group, "admin_group")
	if err != nil {
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
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

// close closes them. Where other processes have them too, nothing else happens.
func (s *sockets) close() {
	s.clients.close()
	s.loads.close()
	if s.api != nil {
		_ = s.api.Close()
	}
	s.offer.close()
}

// abandon closes them where a Segue has not come to serve, and takes the files away that it has made. Those of a predecessor go on.
func (s *sockets) abandon() {
	s.close()
	var files []*socketFile
	for _, c := range append(s.clients.all(), s.loads.all()...) {
		files = append(files, c.file)
	}
	if f, ok := s.api.(*socketFile); ok {
		files = append(files, f)
	}
	if s.offer != nil {
		files = append(files, s.offer.at())
	}
	for _, f := range files {
		if f != nil && f.bound {
			f.remove()
		}
	}
}

// permit gives the files the permissions that a configuration has for them.
func (s *sockets) permit(c *config.Config, log *slog.Logger) {
	s.clients.permit(c.Listen, log)
	s.loads.permit(c.Loads.Listen, log)
	if f, ok := s.api.(*socketFile); ok {
		if err := f.permit(c.Access.SocketMode(), c.Access.Group, "admin_group"); err != nil {
			log.Warn("the permissions of a socket could not be set", "listen", c.Admin, "cause", innermost(err))
		}
	}
}

// remove takes the files away that they have been, once they have been closed.
func (s *sockets) remove() {
	s.clients.remove()
	s.loads.remove()
	if f, ok := s.api.(*socketFile); ok {
		f.remove()
	}
	s.offer.remove()
}

// listen binds the address of a key of the configuration.
func listen[L net.Listener](key, address string, bind func(address string) (L, error)) (ln L, err error) {
	if ln, err = bind(address); err == nil {
		return ln, nil
	}
	flag := "--" + strings.ReplaceAll(key, ".", "-")
	remedy := "choose another address with " + flag
	if errors.Is(err, syscall.EADDRINUSE) {
		remedy = "is another Segue or a server using it? " + remedy + ", or take over from that Segue with --takeover"
	}
	if _, ok := config.UnixPath(address); ok && errors.Is(err, fs.ErrNotExist) {
		remedy = "make the folder, or choose another with " + flag
	}
	return ln, fmt.Errorf("%s on %s: %w; %s", key, address, innermost(err), remedy)
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

package main

import (
	"slices"
	"sync"
	"syscall"

	"segue/config"
)

// offer is the socket by which another Segue asks for all of them. That one looks for it by the addresses that its configuration has (see place), so that it moves
// when those change.
type offer struct {
	moving sync.Mutex // held while it is looked after whether it is where it is to be

	mu     sync.Mutex // guards what follows
	now    *socketFile
	closed bool
}

func newOffer(f *socketFile) *offer { return &offer{now: f} }

// at is where it is at this moment. The one that it was before is closed.
func (o *offer) at() *socketFile {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

// own has those who connect from now on see this process at the other end: for the kernel that is who has called listen last, and this socket was another's.
func (o *offer) own() {
	if o == nil {
		return
	}
	_ = control(o.at(), func(fd int) { _ = syscall.Listen(fd, syscall.SOMAXCONN) }) // a wrong name in a message, at worst
}

// move has it be another socket, unless it is over.
func (o *offer) move(to *socketFile) {
	o.mu.Lock()
	from := o.now
	if o.closed {
		from = to
	} else {
		o.now = to
	}
	o.mu.Unlock()
	_ = from.Close()
	from.remove()
}

// close closes it.
func (o *offer) close() {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	_ = o.now.Close()
}

// remove takes its file away, once it has been closed.
func (o *offer) remove() {
	if o != nil {
		o.at().remove()
	}
}

// offerPaths are where another Segue with this configuration looks for the offer. Of sockets that a service manager has passed some may not be in it.
func (a *app) offerPaths(listen []config.Listen) (paths []string, err error) {
	all := a.sockets.clients.all()
	known := slices.DeleteFunc(slices.Clone(all), func(s *clientSocket) bool { return !s.isIn(listen) })
	if len(known) == 0 {
		known = all
	}
	for _, s := range known {
		path, err := a.place.of(s.Addr())
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// reoffer moves the offer to where another Segue looks for it, if nothing that the configuration has leads there any more.
func (a *app) reoffer(listen []config.Listen) {
	o := a.sockets.offer
	if o == nil {
		return
	}
	o.moving.Lock()
	defer o.moving.Unlock()
	paths, err := a.offerPaths(listen)
	if err != nil || len(paths) == 0 || slices.Contains(paths, o.at().path) {
		return // without a folder it is not elsewhere
	}
	f, err := openSocket(paths[0])
	if err != nil {
		a.log.Warn("no other Segue can take over from this one", "cause", err)
		return
	}
	o.move(f)
}

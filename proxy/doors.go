package proxy

import (
	"net"
	"sync"
)

// doors are the sockets that a server accepts on, all of them by its first worker. There may be more and fewer while it serves.
type doors struct {
	mu     sync.Mutex             // guards what follows
	worker *worker                // that accepts; nil before Serve
	open   map[net.Listener]*door // nil of those that wait for Serve
	ended  bool                   // none is to be opened any more
	none   chan struct{}          // closed when the last of them has been closed

	attended sync.WaitGroup // see attend
}

// Listen has the server accept on ln too, from Serve on. It is closed where that is over.
func (s *Server) Listen(ln net.Listener) {
	d := &s.doors
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.ended:
		_ = ln.Close()
	case d.worker == nil:
		d.open[ln] = nil
	default:
		d.accept(ln)
	}
}

// accept opens a door. It needs d.mu.
func (d *doors) accept(ln net.Listener) {
	opened, closed := d.worker.open(ln)
	d.open[ln] = opened
	d.attended.Go(func() { d.attend(ln, opened, closed) })
}

// Unlisten closes a listener that the server accepts on. Sessions that have come by it stay. Without any listener Serve ends with the last session.
func (s *Server) Unlisten(ln net.Listener) {
	d := &s.doors
	d.mu.Lock()
	opened, worker := d.open[ln], d.worker
	delete(d.open, ln)
	d.last()
	d.mu.Unlock()
	if opened != nil {
		worker.close(opened)
	}
	_ = ln.Close()
}

// begin opens those that have waited for it, on a worker.
func (d *doors) begin(w *worker) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.worker = w
	for ln := range d.open {
		d.accept(ln)
	}
}

// attend waits until somebody else has closed a listener, or its door has been closed.
func (d *doors) attend(ln net.Listener, opened *door, closed <-chan struct{}) {
	select {
	case <-closed:
	case <-opened.closed:
	case <-opened.left:
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[ln] != opened {
		return
	}
	delete(d.open, ln)
	d.worker.close(opened)
	_ = ln.Close()
	d.last()
}

// last tells when there is no door any more while the server serves. It needs d.mu.
func (d *doors) last() {
	if d.worker != nil && len(d.open) == 0 && !d.ended {
		d.ended = true
		close(d.none)
	}
}

// end closes all of them. None is opened any more.
func (d *doors) end() {
	d.mu.Lock()
	d.ended = true
	all := d.open
	d.open = map[net.Listener]*door{}
	d.mu.Unlock()
	for ln, opened := range all {
		if opened != nil {
			d.worker.close(opened)
		}
		_ = ln.Close()
	}
	d.attended.Wait()
}

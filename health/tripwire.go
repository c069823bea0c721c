package health

import (
	"errors"
	"net"
	"os"
	"sync"
)

// tripwire notices that a server closes the idle connection to its health port. net/http keeps a read outstanding on an
// idle connection, so the end of the server's process shows there as EOF or reset within a millisecond.
type tripwire struct {
	trip func(cause error) // called on the goroutine of net/http: it must not block

	mu   sync.Mutex
	busy bool  // a request is outstanding: whatever happens to the connection, the request will tell
	lost error // what ended the connection while busy
}

// begin says that a request is on its way.
func (w *tripwire) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy, w.lost = true, nil
}

// end says that the request is over. idle: the connection is expected to stay open. If it was lost in the moment
// between the answer and this call, that counts.
func (w *tripwire) end(idle bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = false
	if w.lost != nil && idle {
		w.trip(w.lost)
	}
}

// ended says that reading from a connection ended with err.
func (w *tripwire) ended(err error) {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
		return // we closed it ourselves
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy {
		w.lost = err
		return
	}
	w.trip(err)
}

// wiredConn is a connection with a tripwire.
type wiredConn struct {
	net.Conn
	wire *tripwire
}

func (c *wiredConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.wire.ended(err)
	}
	return n, err
}

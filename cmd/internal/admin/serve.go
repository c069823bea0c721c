package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	requestTimeout = 10 * time.Second // to read a request, and to write an answer
	idleTimeout    = 60 * time.Second // of a connection between requests: beyond a scrape interval
	stopTimeout    = 2 * time.Second  // for requests under way when the server stops
	maxHeader      = 64 << 10         // bytes
)

// Serve answers on ln until ctx is done or ln fails. When it returns, no
// request is under way. It closes ln, which may be closed already once ctx is done.
func (h *Handler) Serve(ctx context.Context, ln net.Listener) error {
	return h.serve(ctx, ln, false)
}

// ServePrivate is Serve for the Segue that has taken over from this one, which may do everything.
func (h *Handler) ServePrivate(ctx context.Context, ln net.Listener) error {
	return h.serve(ctx, ln, true)
}

func (h *Handler) serve(ctx context.Context, ln net.Listener, private bool) error {
	server := &http.Server{
		Handler:           h.handler(h.doorOf(ln, private)),
		ReadHeaderTimeout: requestTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout, // events extend it
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(h.log().Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends the events
		ConnContext:       func(ctx context.Context, conn net.Conn) context.Context { return h.withShown(withVisitor(ctx, conn)) },
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		shutDown(server)
	})
	err := server.Serve(h.guarded(newCrowd(ln, h.connections(), h.log()), private))
	if stop() { // ctx is not done: the listener failed
		_ = server.Close()
		return err
	}
	<-stopped
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// shutDown lets requests under way end for a while.
func shutDown(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		_ = server.Close()
	}
}

package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
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
func (h *Handler) Serve(ctx context.Context, ln net.Listener, log *slog.Logger) error {
	h.LocalOnly = isLoopback(ln.Addr())
	server := &http.Server{
		Handler:           h.Handler(),
		ReadHeaderTimeout: requestTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout, // events extend it
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends the events
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		shutDown(server)
	})
	err := server.Serve(ln)
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

func isLoopback(addr net.Addr) bool {
	bound, err := netip.ParseAddrPort(addr.String())
	return err == nil && bound.Addr().IsLoopback()
}

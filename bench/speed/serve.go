package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// serveAll is the process of the servers: each has a MySQL port and a health URL, and all have one port for control, and two BEs for loads. The first has a UNIX socket in dir too.
func serveAll(ctx context.Context, dir string) error {
	s, err := newServer(at(serverPort), mostServer)
	if err == nil {
		err = s.listenUnix(socketPath(dir, serverPort), at(serverPort))
	}
	if err != nil {
		return err
	}
	if err := errors.Join(sink{throttle}.listen(throttledPort), sink{}.listen(fastPort)); err != nil {
		return err
	}
	c := &control{server: s, health: make([]*http.Server, mostServer)}
	for i := range mostServer {
		c.healthy(i)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /stop/{server}", c.answer(c.stop))
	mux.HandleFunc("POST /start/{server}", c.answer(c.start))
	go serveHTTP(&http.Server{Addr: at(controlPort).String(), Handler: mux, ReadHeaderTimeout: time.Second})
	return s.run(ctx)
}

// serveHTTP ends with the process, or when the server is closed.
func serveHTTP(s *http.Server) { _ = s.ListenAndServe() }

// control stops and starts servers, one order at a time.
type control struct {
	server *server
	health []*http.Server
}

// healthy gives a server its health URL.
func (c *control) healthy(i int) {
	c.health[i] = &http.Server{Addr: at(healthPort + i).String(), Handler: http.HandlerFunc(frontend), ReadHeaderTimeout: time.Second}
	go serveHTTP(c.health[i])
}

// stop is what kill -9 does to a server: its ports refuse, its connections are closed.
func (c *control) stop(i int) error {
	err := c.server.order(func() error { c.server.unlisten(at(serverPort + i)); return nil })
	_ = c.health[i].Close()
	return err
}

func (c *control) start(i int) error {
	c.healthy(i)
	return c.server.order(func() error { return c.server.listen(at(serverPort + i)) })
}

func (c *control) answer(do func(i int) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		i, err := strconv.Atoi(r.PathValue("server"))
		if err == nil && (i < 0 || i >= mostServer) {
			err = fmt.Errorf("there is no server %d", i)
		}
		if err == nil {
			err = do(i)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}
}

// tellServer has a server stop or start, and returns when it has.
func tellServer(ctx context.Context, order string, i int) error {
	return post(ctx, fmt.Sprintf("http://%s/%s/%d", at(controlPort), order, i))
}

// post sends an order.
func post(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

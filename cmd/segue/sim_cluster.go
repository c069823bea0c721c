package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"segue/backend/fesim"
	"segue/backend/wire"
)

func (w *world) simClusterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Run a cluster of simulated FEs that share their data, and upset it by HTTP",
		Long: `Run simulated StarRocks FEs that share one ledger of writes, as experiments need
them. FE number n listens on the n-th port from --listen and --http on.

  POST /fe-1/leave      graceful exit, as stop_fe.sh -g      POST /fe-1/start
  POST /fe-1/kill       kill -9                              POST /fe-1/hang     answers nothing
  POST /fe-1/refuse     its MySQL port is closed             POST /fe-1/full     as many sessions as it may have
  POST /fe-1/heal       no more hang, refuse, full
  GET  /fe-1            200 while it runs, 410 when it has exited`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	s := simCluster{}
	f.IntVar(&s.count, "count", 3, "`number` of FEs")
	f.StringVar(&s.listen, "listen", "127.0.0.1:19031", "MySQL `address` of the first")
	f.StringVar(&s.http, "http", "127.0.0.1:18031", "`address` of the first one's health URL")
	f.StringVar(&s.control, "control", "127.0.0.1:18030", "`address` to upset them by, on loopback")
	f.BoolVar(&s.options.CloseAfterStmt, "close-after-statement", false, "while leaving, close a session right after its statement")
	f.Float64Var(&s.options.TimeScale, "time-scale", 1, "`factor` of every time span: 0.1 makes them ten times faster")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context(), w) }
	return cmd
}

// simCluster is one run of `segue sim cluster`.
type simCluster struct {
	count                 int
	listen, http, control string
	options               fesim.Options
	fes                   map[string]*fesim.FE
}

// run starts the FEs and takes orders until a signal comes.
func (s *simCluster) run(ctx context.Context, w *world) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	signals := make(chan os.Signal, 1)
	w.notify(signals, os.Interrupt, syscall.SIGTERM)
	go interruptAt(ctx, signals, stop)
	cluster, err := s.build()
	if err != nil {
		return usageError{err}
	}
	defer cluster.Close()
	host, _, err := net.SplitHostPort(s.control)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return usageError{fmt.Errorf("--control %s: want a loopback address, such as 127.0.0.1:18030", s.control)}
	}
	if err := cluster.Start(); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", s.control)
	if err != nil {
		return err
	}
	for _, fe := range cluster.FEs() {
		fmt.Fprintf(w.stdout, "%s: MySQL %s, health %s\n", fe.Name(), fe.MySQLAddress(), fe.HealthURL())
	}
	fmt.Fprintf(w.stdout, "control: http://%s/fe-1/leave …\n", ln.Addr())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{fe}/{order}", s.order)
	mux.HandleFunc("GET /{fe}", s.status)
	server := &http.Server{Handler: mux, ReadTimeout: 5 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() {
		<-ctx.Done()
		_ = server.Close()
	})
	err = server.Serve(ln)
	stop(nil)
	serving.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// build makes the FEs, each with its addresses.
func (s *simCluster) build() (*fesim.Cluster, error) {
	if err := checkTimeScale(s.options.TimeScale); err != nil {
		return nil, err
	}
	if s.count < 1 || s.count > 100 {
		return nil, fmt.Errorf("count %d: want 1 to 100 FEs", s.count)
	}
	cluster, err := fesim.NewCluster(0, s.options)
	if err != nil {
		return nil, err
	}
	s.fes = map[string]*fesim.FE{}
	for i := range s.count {
		o := s.options
		o.Cluster, o.FID = cluster, uint8(i+1)
		var fe *fesim.FE
		if o.MySQLAddress, err = portAfter(s.listen, i); err == nil {
			if o.HTTPAddress, err = portAfter(s.http, i); err == nil {
				fe, err = fesim.New(o)
			}
		}
		if err != nil {
			cluster.Close()
			return nil, err
		}
		s.fes[fe.Name()] = fe
	}
	return cluster, nil
}

// portAfter is the address whose port is n higher; port 0, which the system
// chooses, stays.
func portAfter(address string, n int) (string, error) {
	host, port, err := net.SplitHostPort(address)
	number, conversion := strconv.Atoi(port)
	if err != nil || conversion != nil {
		return "", fmt.Errorf("address %q: want HOST:PORT", address)
	}
	if number == 0 {
		return address, nil
	}
	return net.JoinHostPort(host, strconv.Itoa(number+n)), nil
}

// order does to an FE what it is told to.
func (s *simCluster) order(w http.ResponseWriter, r *http.Request) {
	fe := s.fes[r.PathValue("fe")]
	orders := map[string]func() error{
		"leave":  func() error { fe.GracefulExit(); return nil },
		"kill":   func() error { fe.Kill(); return nil },
		"start":  func() error { return fe.Start() },
		"hang":   func() error { fe.SetFault(fesim.Fault{Freeze: true}); return nil },
		"refuse": func() error { fe.SetFault(fesim.Fault{Refuse: true}); return nil },
		"full":   func() error { fe.SetFault(fesim.Fault{LoginERR: full(fe)}); return nil },
		"heal":   func() error { fe.SetFault(fesim.Fault{}); return nil },
	}
	do := orders[r.PathValue("order")]
	switch {
	case r.Header.Get("Origin") != "":
		http.Error(w, "not for web pages", http.StatusForbidden)
	case fe == nil || do == nil:
		http.Error(w, "want fe-1 …, and leave, kill, start, hang, refuse, full or heal", http.StatusNotFound)
	default:
		if err := do(); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	}
}

// full is how an FE refuses a login that has as many sessions as it may have now.
func full(fe *fesim.FE) *wire.Err {
	open := fe.Stats().Open
	return fesim.ConnectionLimit(open, open, fe.Name())
}

// status tells whether an FE runs.
func (s *simCluster) status(w http.ResponseWriter, r *http.Request) {
	fe := s.fes[r.PathValue("fe")]
	if fe == nil {
		http.Error(w, "there is no such FE", http.StatusNotFound)
		return
	}
	select {
	case <-fe.Exited():
		http.Error(w, strings.ToLower(fe.Name())+" has exited", http.StatusGone)
	default:
		fmt.Fprintln(w, fe.Name()+" runs")
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"segue/backend"
	"segue/backend/fesim"
)

func (w *world) simClusterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Run a cluster of simulated FEs that share their data, and upset it by HTTP",
		Long: `Run simulated StarRocks FEs, and BEs and CNs if they are asked for, that are one
cluster: for experiments, and to try upgrades. FE number n listens on the n-th
port from --listen and --http on, or with --hosts on the n-th address, as FEs of
a real cluster do. BEs and CNs take Stream Loads: the n-th at the n-th port from
--be-http on; their other ports are those that the system gives them.

  POST /fe-1/leave      graceful exit, as stop_fe.sh -g      POST /fe-1/start
  POST /fe-1/kill       kill -9                              POST /fe-1/hang     answers nothing
  POST /fe-1/refuse     its MySQL port is closed             POST /fe-1/full     as many sessions as it may have
  POST /fe-1/heal       no more hang, refuse, full           POST /fe-1/upgrade?version=3.5.1   from its next start on
  GET  /fe-1            200 while it runs, 410 when it has exited

  POST /be-1/leave, kill, start, hang, heal, upgrade, GET /be-1: the same for a BE, and for a CN (cn-1)
  POST /be-1/fault?step=received&do=die   once, at a step of a Stream Load: arrived, begun,
                        receiving (&bytes=N), received, done, answering; do: die, cut, reset, hang
  POST /be-1/load?for=60s        a Broker Load that fails if the BE leaves meanwhile
  POST /be-1/routine-load        one that is paused if it does
  POST /be-1/schema-change?for=60s   one that is cancelled if any BE leaves
  POST /be-1/set?NAME=VALUE      a setting, such as loop_count_wait_fragments_finish=6
  GET  /                         all nodes`,
		Example: `  segue sim cluster --backends 3 --time-scale 0.1 &
  curl -X POST http://127.0.0.1:18030/be-1/leave
  curl -X POST 'http://127.0.0.1:18030/be-1/upgrade?version=3.5.1'
  curl -X POST http://127.0.0.1:18030/be-1/start`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	s := simCluster{}
	f.IntVar(&s.count, "count", 3, "`number` of FEs that vote")
	f.IntVar(&s.observers, "observers", 0, "`number` of FEs more that do not vote")
	f.IntVar(&s.backends, "backends", 0, "`number` of BEs")
	f.IntVar(&s.computeNodes, "compute-nodes", 0, "`number` of CNs")
	f.StringVar(&s.beHTTP, "be-http", "", "HTTP `address` of the first BE or CN (default: ten ports above --http)")
	f.DurationVar(&s.options.Publish, "publish", 0, "how long a committed load takes until it is seen, and answered")
	f.Int64Var(&s.be.LoadRate, "be-rate", 0, "`bytes` of a load that a BE takes per second (default: all that come)")
	f.BoolVar(&s.be.Discard, "be-discard", false, "BEs drop what they are sent: loads have no rows, and cost little")
	f.BoolVar(&s.hosts, "hosts", false, "each FE has an address of its own, and all the same ports")
	f.StringVar(&s.listen, "listen", "127.0.0.1:19031", "MySQL `address` of the first")
	f.StringVar(&s.http, "http", "127.0.0.1:18031", "`address` of the first one's health URL")
	f.StringVar(&s.control, "control", "127.0.0.1:18030", "`address` to upset them by, on loopback")
	generation := f.String("generation", "G3", "how an FE leaves: `G2` (3.5, 4.0), G3 (main) or G4 (not merged)")
	words(cmd, "generation", "G2", "G3", "G4")
	flavor := f.String("flavor", "starrocks", "`flavor`: starrocks, doris, or tidb, whose servers are called fe-1 … too")
	words(cmd, "flavor", "starrocks", "doris", "tidb")
	f.StringVar(&s.options.Version, "version", "", "`version` of all nodes at first (default 3.5.0-fesim; doris-2.1.7; 8.5.0)")
	f.StringToStringVar(&s.settings, "be-setting", nil, "`name=value` in the be.conf of all BEs and CNs; may be repeated")
	f.BoolVar(&s.options.ExitingIsDead, "exiting-is-dead", false, "FEs of 3.3: a BE that exits counts as dead too early")
	f.BoolVar(&s.options.CloseAfterStmt, "close-after-statement", false, "while leaving, close a session right after its statement")
	f.Float64Var(&s.options.TimeScale, "time-scale", 1, "`factor` of every time span: 0.1 makes them ten times faster")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		if s.options.Generation, err = parseGeneration(*generation); err != nil {
			return usageError{err}
		}
		if s.options.Flavor, err = simFlavor(*flavor); err != nil {
			return usageError{err}
		}
		if s.options.Flavor == backend.TiDB && s.backends+s.computeNodes+s.observers > 0 {
			return usageError{errors.New("--flavor tidb: its servers have no backends, compute nodes or observers beside them")}
		}
		return s.run(cmd.Context(), w)
	}
	return cmd
}

// simCluster is one run of `segue sim cluster`.
type simCluster struct {
	count, observers       int
	backends, computeNodes int
	hosts                  bool
	listen, http, control  string
	options                fesim.Options
	settings               map[string]string
	beHTTP                 string
	be                     fesim.BEOptions // what all BEs and CNs have
	cluster                *fesim.Cluster
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
	s.list(w.stdout)
	fmt.Fprintf(w.stdout, "control: http://%s/fe-1/leave …\n", ln.Addr())
	server := &http.Server{Handler: s.orders(), ReadTimeout: 5 * time.Second}
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

// build makes the nodes, each with its addresses.
func (s *simCluster) build() (*fesim.Cluster, error) {
	if err := checkTimeScale(s.options.TimeScale); err != nil {
		return nil, err
	}
	if s.count < 1 || s.count+s.observers > 100 || s.observers < 0 {
		return nil, fmt.Errorf("count %d, observers %d: want 1 to 100 FEs", s.count, s.observers)
	}
	if s.backends < 0 || s.backends > 100 || s.computeNodes < 0 || s.computeNodes > 100 {
		return nil, fmt.Errorf("backends %d, compute-nodes %d: want 0 to 100 of each", s.backends, s.computeNodes)
	}
	if s.beHTTP == "" {
		s.beHTTP = aboveFEs(s.http, s.count+s.observers)
	}
	s.options.SharedData = s.backends == 0 && s.computeNodes > 0
	cluster, err := fesim.NewCluster(0, s.options)
	if err != nil {
		return nil, err
	}
	s.cluster = cluster
	if err := s.addNodes(); err != nil {
		cluster.Close()
		return nil, err
	}
	return cluster, nil
}

func (s *simCluster) addNodes() error {
	for i := range s.count + s.observers {
		o := s.options
		o.Cluster, o.FID, o.Observer = s.cluster, uint8(i+1), i >= s.count
		var err error
		if o.MySQLAddress, err = s.address(s.listen, i); err != nil {
			return err
		}
		if o.HTTPAddress, err = s.address(s.http, i); err != nil {
			return err
		}
		if _, err := fesim.New(o); err != nil {
			return err
		}
	}
	for i := range s.backends + s.computeNodes {
		o := s.be
		o.Compute, o.Version, o.Config = i >= s.backends, s.options.Version, s.settings
		var err error
		if o.HTTPAddress, err = portAfter(s.beHTTP, i); err != nil {
			return err
		}
		if _, err := s.cluster.AddBE(o); err != nil {
			return err
		}
	}
	return nil
}

// aboveFEs is where the first BE serves HTTP unless it is told otherwise: ten ports above the first FE; where that many FEs are, one that the system gives.
func aboveFEs(first string, fes int) string {
	host, _, _ := net.SplitHostPort(first)
	if above, err := portAfter(first, 10); err == nil && fes <= 10 {
		return above
	}
	return net.JoinHostPort(host, "0")
}

// address is that of FE number n, counted from 0, where the first has the one that is given.
func (s *simCluster) address(first string, n int) (string, error) {
	if s.hosts {
		return hostAfter(first, n)
	}
	return portAfter(first, n)
}

// hostAfter is the address whose host is n higher.
func hostAfter(address string, n int) (string, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return "", fmt.Errorf("address %q: want IP:PORT", address)
	}
	ip := at.Addr()
	for range n {
		ip = ip.Next()
	}
	if !ip.IsValid() {
		return "", fmt.Errorf("address %q: there are not %d behind it", address, n)
	}
	return netip.AddrPortFrom(ip, at.Port()).String(), nil
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

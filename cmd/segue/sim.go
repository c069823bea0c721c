package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"segue/backend"
	"segue/backend/fesim"
	"segue/config"
)

func (w *world) simCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Simulate a server to stand in front of",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(w.simFECommand(), w.simClusterCommand())
	return cmd
}

func (w *world) simFECommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fe",
		Short: "Run a simulated FE: MySQL port, health URL, and the ways in which it leaves",
		Long: `Run one simulated StarRocks FE (or Doris FE, or TiDB server) in the foreground.
It knows enough SQL for drivers to connect; root has no password. With
--backends there are BEs in the same process, to which it redirects Stream Loads.

SIGUSR1: graceful exit, as of a real FE: health 500 at once, idle sessions are
closed after a second, the process ends when its sessions have. SIGTERM, SIGINT:
ends at once. Exit code 0, or 1 when sessions had to be cut.`,
		Example: `  segue sim fe --listen 127.0.0.2:9030 &
  segue sim fe --listen 127.0.0.3:9030 --name fe-2 --fid 2 &
  segue serve 127.0.0.2:9030,127.0.0.3:9030 &
  kill -USR1 %1`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	o := fesim.Options{}
	f.StringVar(&o.Name, "name", "", "`name`, the answer to SELECT @@hostname (default fe-FID)")
	f.Uint8Var(&o.FID, "fid", 1, "`number` of the FE, the top byte of its connection ids")
	f.StringVar(&o.MySQLAddress, "listen", "127.0.0.1:9030", "`address` of the MySQL port")
	f.StringVar(&o.HTTPAddress, "http", "", "`address` of the health URL (default: the same host, port 8030; 10080 for tidb)")
	flavor := f.String("flavor", "starrocks", "`flavor`: starrocks, doris or tidb")
	generation := f.String("generation", "G3", "how a StarRocks FE leaves: `G2` (3.5, 4.0), G3 (main) or G4 (not merged)")
	words(cmd, "flavor", "starrocks", "doris", "tidb")
	words(cmd, "generation", "G2", "G3", "G4")
	f.BoolVar(&o.CloseAfterStmt, "close-after-statement", false, "while leaving, close a session right after its statement")
	f.Float64Var(&o.TimeScale, "time-scale", 1, "`factor` of every time span: 0.1 makes it ten times faster")
	spanVar(f, &o.MinExit, "min-exit", 0, config.LongestSpan, "shortest graceful exit, before time-scale (default 15s)")
	spanVar(f, &o.MaxExit, "max-exit", 0, config.LongestSpan, "longest graceful exit, before time-scale (default 60s; doris 300s)")
	spanVar(f, &o.StartupDelay, "startup-delay", 0, config.LongestSpan, "from the start until the health URL answers, before time-scale")
	users := f.StringToString("user", nil, "`name=password` of a user beside root; may be repeated")
	backends := f.Int("backends", 0, "`number` of BEs, which take Stream Loads")
	beHTTP := f.String("be-http", "", "HTTP `address` of the first BE (default: ten ports above --http)")
	var be fesim.BEOptions
	f.Int64Var(&be.LoadRate, "be-rate", 0, "`bytes` of a load that a BE takes per second (default: all that come)")
	f.BoolVar(&be.Discard, "be-discard", false, "BEs drop what they are sent: loads have no rows, and cost little")
	level := &logLevel{slog.LevelInfo}
	f.Var(level, "log-level", "debug, info, warn or error")
	words(cmd, "log-level", logLevels()...)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := simOptions(&o, *flavor, *generation, *users); err != nil {
			return usageError{err}
		}
		o.Log = newLog(w.stderr, level.Level, isTerminal(w.stderr))
		if *beHTTP == "" {
			*beHTTP = aboveFEs(o.HTTPAddress, 1)
		}
		return w.simFE(cmd.Context(), o, simBEs{count: *backends, http: *beHTTP, options: be})
	}
	return cmd
}

// simOptions puts the flags that need reading into o.
func simOptions(o *fesim.Options, flavor, generation string, users map[string]string) error {
	var err error
	if o.Flavor, err = simFlavor(flavor); err != nil {
		return err
	}
	if o.Generation, err = parseGeneration(generation); err != nil {
		return err
	}
	if err := checkTimeScale(o.TimeScale); err != nil {
		return err
	}
	if o.HTTPAddress == "" {
		o.HTTPAddress = httpAddress(o.MySQLAddress, o.Flavor)
	}
	o.Users = map[string]string{"root": ""}
	maps.Copy(o.Users, users)
	return nil
}

// simFlavor reads whom to play.
func simFlavor(name string) (backend.Flavor, error) {
	f, err := backend.ParseFlavor(name)
	if err == nil && f == backend.MySQL {
		err = errors.New("there is no simulated mysql; run a real one")
	}
	return f, err
}

func parseGeneration(name string) (fesim.Generation, error) {
	for _, g := range []fesim.Generation{fesim.G2, fesim.G3, fesim.G4} {
		if strings.EqualFold(name, g.String()) {
			return g, nil
		}
	}
	return 0, fmt.Errorf("unknown generation %q: want G2, G3 or G4", name)
}

// checkTimeScale reports a factor that does not make a time span of one.
func checkTimeScale(factor float64) error {
	if !(factor > 0 && factor <= 100) { // NaN too
		return fmt.Errorf("time scale %v: want a number above zero, and 100 at most", factor)
	}
	return nil
}

// httpAddress is where a server with that MySQL address has its health URL
// unless it is told otherwise. With port 0 the system chooses that one too.
func httpAddress(mysql string, flavor backend.Flavor) string {
	host, port, err := net.SplitHostPort(mysql)
	switch {
	case err != nil:
		return "" // the MySQL address will be reported
	case port == "0":
		return net.JoinHostPort(host, "0")
	case flavor == backend.TiDB:
		return net.JoinHostPort(host, "10080")
	}
	return net.JoinHostPort(host, "8030")
}

// simBEs are the BEs of `segue sim fe`.
type simBEs struct {
	count   int
	http    string // of the first
	options fesim.BEOptions
}

// start starts them in a cluster.
func (s simBEs) start(c *fesim.Cluster) error {
	if s.count < 0 || s.count > 100 {
		return usageError{fmt.Errorf("backends %d: want 0 to 100", s.count)}
	}
	for i := range s.count {
		o := s.options
		var err error
		if o.HTTPAddress, err = portAfter(s.http, i); err != nil {
			return usageError{err}
		}
		be, err := c.AddBE(o)
		if err != nil {
			return err
		}
		if err := be.Start(); err != nil {
			return err
		}
	}
	return nil
}

// simFE runs one FE, and BEs beside it, until it has exited.
func (w *world) simFE(ctx context.Context, o fesim.Options, bes simBEs) error {
	fe, err := fesim.New(o)
	if err != nil {
		return err
	}
	defer fe.Cluster().Close()
	if err := bes.start(fe.Cluster()); err != nil {
		return err
	}
	signals := make(chan os.Signal, 4)
	w.notify(signals, syscall.SIGUSR1, syscall.SIGTERM, syscall.SIGINT)
	if err := fe.Start(); err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(fe.MySQLAddress())
	fmt.Fprintf(w.stdout, `%s: MySQL %s, health %s

  log in          mysql -h %s -P %s -u root
  graceful exit   kill -USR1 %d
  stop at once    kill %d
  crash           kill -9 %d

`, fe.Name(), fe.MySQLAddress(), fe.HealthURL(), host, port, os.Getpid(), os.Getpid(), os.Getpid())
	return w.awaitExit(ctx, fe, signals)
}

// awaitExit makes fe leave as it is told to, and returns when it has.
func (w *world) awaitExit(ctx context.Context, fe *fesim.FE, signals <-chan os.Signal) error {
	began := time.Now()
	ended := ctx.Done()
	for {
		select {
		case <-ended:
			ended = nil
			fe.Terminate()
		case s := <-signals:
			began = time.Now()
			if s != syscall.SIGUSR1 {
				fe.Terminate()
				continue
			}
			fmt.Fprintf(w.stdout, "%s: leaving, %s open\n", fe.Name(), plural(fe.Stats().Open, "connection"))
			fe.GracefulExit()
		case <-fe.Exited():
			fe.Wait()
			stats := fe.Stats()
			fmt.Fprintf(w.stdout, "%s: exited with %d after %s; %s executed, %d cut\n", fe.Name(), fe.ExitCode(),
				time.Since(began).Round(time.Millisecond), plural(stats.Statements, "statement"), stats.Cut)
			return simResult(fe)
		}
	}
}

// simResult is an error when a graceful exit took too long. 143 is SIGTERM's.
func simResult(fe *fesim.FE) error {
	if code := fe.ExitCode(); code != 0 && code != 143 {
		return fmt.Errorf("%s had to cut its sessions", fe.Name())
	}
	return nil
}

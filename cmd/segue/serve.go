package main

import (
	"context"
	"errors"
	stdlog "log"
	"log/slog"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"segue/config"
)

const serveName = "serve"

func (w *world) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   serveName + " [BACKEND ...]",
		Short: "Stand in front of the backends",
		Long: `Stand in front of the backends: applications connect to Segue instead of to one
of them. BACKEND is HOST:PORT of a MySQL port; health URLs follow from the flavor.
Backends named here take the place of those in the file.

--discover finds more of them, and the first: one seed of a cluster is enough, or a
name in DNS.

Without BACKEND and without --config, /etc/segue/segue.yaml is read if it is
there. Segue notices a change of its file by itself.

--takeover lets another Segue follow a running one without a moment in which nobody
listens. If one serves the same address as the same user on this machine, the new
one gets its sockets and, once it sees a backend that is up, accepts in its place;
the old one exits when its sessions have ended, and drains after drain.takeover_timeout.
If none does, it is a start like any other.
Sockets that systemd passes (LISTEN_FDS) take the place of those that would be bound.

SIGTERM or SIGINT: take no more clients, let sessions end at a statement
boundary (at most drain.timeout), exit 0. A second one: stop now. SIGHUP: reload.
Where Segue and the application get their SIGTERM together, --shutdown-delay and
--shutdown-wait-clients have it go on as before, and take clients, until then.

Each key of the file is also a flag (connect.budget: --connect-budget; --help-all has
them all) and a variable (SEGUE_CONNECT_BUDGET; SEGUE_BACKENDS and other lists with
commas): flags win over variables, these over the file. Not so users, which are in the
file alone, and passwords, which are no flags. --config is SEGUE_CONFIG, --log-level
SEGUE_LOG_LEVEL. ` + "`segue config`" + ` says where each value comes from.`,
		Example: `  segue serve fe1:9030,fe2:9030,fe3:9030
  segue serve --flavor tidb --listen 127.0.0.1:4000 tidb1:4000 tidb2:4000
  segue serve --discover fe1:9030 --user segue --password-file /run/secrets/segue
  segue serve --discover dns:sr-fe-search:9030
  segue serve --config /etc/segue/segue.yaml`,
	}
	s := w.addSettings(cmd)
	s.addDiscover(cmd)
	s.addShutdown(cmd)
	helpAll := s.addKeys(cmd)
	level := &logLevel{slog.LevelInfo}
	cmd.Flags().Var(level, "log-level", "debug, info, warn or error (SEGUE_LOG_LEVEL)")
	words(cmd, "log-level", logLevels()...)
	takeover := cmd.Flags().Bool("takeover", false, "take over from the Segue that serves the same address, if one does")
	begun := addReadyFD(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *helpAll {
			return cmd.Help()
		}
		terminal := isTerminal(w.stderr)
		w.detach(terminal)
		if value := w.getenv("SEGUE_LOG_LEVEL"); value != "" && !cmd.Flags().Changed("log-level") {
			if err := level.Set(value); err != nil {
				return usageError{wrap("SEGUE_LOG_LEVEL "+value, err)}
			}
		}
		logger := newLog(w.stderr, level.Level, terminal)
		for _, unknown := range w.unknownVariables() {
			logger.Warn("a variable means nothing to Segue", "cause", unknown)
		}
		path, overrides, err := w.source(cmd, s, args)
		if err != nil {
			return err
		}
		c, err := config.Load(path, overrides...)
		if err != nil {
			return err
		}
		passed, err := inherited(w.getenv)
		if err != nil {
			return usageError{err}
		}
		threads, loops := w.threads, 0
		if threads != nil && w.getenv("GOMAXPROCS") != "" {
			threads, loops = nil, threads(0)
		}
		if w.ignore != nil { // the process is this program's alone
			stdlog.SetFlags(0)
			stdlog.SetOutput(stdLog{logger})
		}
		a, err := newApp(c, options{
			path:      path,
			overrides: overrides,
			log:       logger,
			out:       w.stdout,
			dropped:   w.dropped,
			systemd:   &systemd{socket: w.getenv("NOTIFY_SOCKET"), invocation: w.getenv("INVOCATION_ID"), begun: begun.file()},
			sockets:   passed,
			place:     newPlace(c, w.getenv),
			args:      ownArgs(w.args),
			takeover:  *takeover,
			threads:   threads,
			loops:     loops,
		})
		if err != nil {
			return err
		}
		if begun.wanted() && a.predecessor == nil {
			a.sockets.abandon()
			return errors.New("the Segue that was to be taken over from has gone; start one (systemctl start segue)")
		}
		return w.serve(cmd.Context(), a)
	}
	return cmd
}

// serve runs a until it ends, steered by signals.
func (w *world) serve(ctx context.Context, a *app) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	signals := make(chan os.Signal, 4) // a signal that finds it full is lost, not late
	w.notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	ended := make(chan error, 1)
	go func() { ended <- a.run(ctx) }()
	for {
		select {
		case err := <-ended:
			return err
		case s := <-signals:
			switch {
			case s == syscall.SIGHUP:
				a.requestReload()
			case ctx.Err() == nil:
				stop()
			case s == syscall.SIGTERM && a.isFollowed(): // whoever stops the unit may say it to all of its processes, as often as one of them ends
			default:
				a.cut()
			}
		}
	}
}

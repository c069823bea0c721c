package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"segue/backend"
	"segue/bench/demo"
	"segue/config"
)

func (w *world) demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See a rolling restart without and with Segue; needs no database",
		Long: `Start three simulated FEs and a load of sessions with state, short connections, slow
statements and writes; restart the FEs gracefully one after the other, first behind a
stand-in for a cloud load balancer, then behind Segue; compare what the clients saw.
Takes under a minute and exits 1 if a client of Segue saw an error.`,
		Args: cobra.NoArgs,
	}
	keep := cmd.Flags().Bool("keep", false, "leave the FEs and Segue up afterwards, until Ctrl-C")
	report := cmd.Flags().String("report", "segue-demo.html", "`file` of the page that shows both runs")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := context.WithCancelCause(cmd.Context())
		defer stop(nil)
		signals := make(chan os.Signal, 1)
		w.notify(signals, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(signals)
		go interruptAt(ctx, signals, stop)
		return demo.Run(ctx, demo.Options{
			Out: w.stdout, Terminal: isTerminal(w.stdout), Style: w.style(), Keep: *keep, Report: *report,
			Command: append([]string{"segue"}, w.args...), Tool: tool(), StartSegue: startSegue,
			Speed: demo.DefaultSpeed, Load: demo.DefaultLoad(),
		})
	}
	return cmd
}

// interruptAt calls stop at the first signal. It ends with ctx.
func interruptAt(ctx context.Context, signals <-chan os.Signal, stop context.CancelCauseFunc) {
	select {
	case <-signals:
		stop(errors.New("interrupted"))
	case <-ctx.Done():
	}
}

// startSegue starts a whole Segue on addresses that the system chooses.
func startSegue(ctx context.Context, backends []backend.Spec) (addr, admin string, stop func(), err error) {
	c := config.Default()
	c.Listen, c.Admin = []config.Listen{{Address: "127.0.0.1:0"}}, "127.0.0.1:0"
	c.Takeover.Offer = false
	c.Backends = backends
	a, err := newApp(c, options{log: slog.New(slog.DiscardHandler), out: io.Discard})
	if err != nil {
		return "", "", nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = a.run(ctx) // what breaks it shows in the demo's figures
	}()
	a.awaitVerdicts(ctx)
	stop = func() {
		cancel()
		a.cut()
		<-ended
	}
	return a.sockets.clients.String(), a.sockets.api.Addr().String(), stop, nil
}

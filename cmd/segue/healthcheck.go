package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"segue/cmd/internal/admin"
	"segue/config"
)

// What a probe may ask.
const (
	askLive  = "live"
	askReady = "ready"
)

// healthcheckCommand is for where nothing else can ask: an image without a shell, an admin API on loopback or a socket.
func (w *world) healthcheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "healthcheck [live|ready]",
		Short: "Ask whether a running Segue is live, or ready, as probes of containers do",
		Long: `Ask a running Segue whether it is live (/livez: the process answers; by default) or
ready (/readyz: a backend was usable once since the start, and Segue is not about to
stop), for exec probes and HEALTHCHECK. Neither says how backends are now: whoever
restarts Segue, or keeps clients from it, because a database is down mends nothing.

It asks at --admin, SEGUE_ADMIN, or the address that the file of SEGUE_CONFIG, or
/etc/segue/segue.yaml, has for admin, whatever else may be wrong with that file; on
TLS if that file has admin_tls, whose certificate vouches. It needs no token.

Exit code 0: yes; 1: no, or no answer in time; 2: it cannot ask: wrong usage.`,
		Example:   "  segue healthcheck\n  segue healthcheck ready --timeout 1s",
		Args:      oneQuestion,
		ValidArgs: []string{askLive, askReady},
	}
	flags := addAdmin(cmd)
	flags.lenient, flags.public = true, true
	most := addSpan(cmd.Flags(), "timeout", 3*time.Second, aboveZero, config.LongestSpan, "how long the answer may take")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), *most)
		defer cancel()
		flags.patience = *most / 4 // there are two files
		c, err := w.adminClient(*flags)
		if err != nil {
			return err
		}
		defer c.Close()
		question, ask := askLive, c.Live
		if len(args) == 1 && args[0] == askReady {
			question, ask = askReady, c.Ready
		}
		if err := ask(ctx); err != nil {
			return fmt.Errorf("not %s: %w", question, err)
		}
		_, err = fmt.Fprintln(w.stdout, question)
		return err
	}
	return cmd
}

// oneQuestion is the arguments of a command that asks whether Segue is live, if nothing else is said.
func oneQuestion(_ *cobra.Command, args []string) error {
	if len(args) > 1 || len(args) == 1 && args[0] != askLive && args[0] != askReady {
		return fmt.Errorf("ask one thing: %s, which is the default, or %s", askLive, askReady)
	}
	return nil
}

// waitCommand is for what is to be started behind Segue.
func (w *world) waitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "wait",
		Short: "Wait until a Segue runs, and with --backend until one of its backends is usable",
		Long: `Return when a Segue answers at its admin address: by then clients can connect, and
wait for a backend for connect.budget. With --backend: when a backend is usable too.
For start scripts, ExecStartPre=, and init containers behind a native sidecar.

It asks where ` + "`segue healthcheck`" + ` does.

Exit code 0: it is there; 1: not before --timeout.`,
		Example: "  segue wait --backend --timeout 1m && exec /app",
		Args:    cobra.NoArgs,
	}
	flags := addAdmin(cmd)
	flags.lenient = true
	usable := cmd.Flags().Bool("backend", false, "wait until a backend is usable")
	most := addSpan(cmd.Flags(), "timeout", 30*time.Second, 0, config.LongestSpan, "give up after this `time`; 0: never")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := w.adminClient(*flags)
		if err != nil {
			return err
		}
		defer c.Close()
		ctx := cmd.Context()
		if *most > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, *most)
			defer cancel()
		}
		there := c.Live
		if *usable {
			there = func(ctx context.Context) error { return anyUsable(ctx, c) }
		}
		if err := persist(ctx, there); err != nil {
			return fmt.Errorf("waited for %s: %w", *most, err)
		}
		return nil
	}
	return cmd
}

// waitPause is how long is waited between two questions: there is nothing yet that could tell.
const waitPause = 100 * time.Millisecond

// persist asks until the answer is good, and returns the last one's error when ctx is done. One who is not let in is told so at once.
func persist(ctx context.Context, ask func(ctx context.Context) error) error {
	pause := time.NewTicker(waitPause)
	defer pause.Stop()
	var last error
	for {
		err := ask(ctx)
		if said, ok := errors.AsType[*admin.Error](err); err == nil || ok && (said.Code == http.StatusUnauthorized || said.Code == http.StatusForbidden) {
			return err
		}
		if ctx.Err() == nil || last == nil { // what was cut off says nothing
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-pause.C:
		}
	}
}

// anyUsable is an error unless a backend is usable.
func anyUsable(ctx context.Context, c *admin.Client) error {
	s, err := c.Status(ctx)
	if err == nil && s.Backends.Usable == 0 {
		err = fmt.Errorf("no backend is usable (0 of %d); `segue check` looks into them", s.Backends.Total)
	}
	return err
}

package main

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"segue/cmd/internal/admin"
	"segue/cmd/internal/top"
	"segue/config"
)

func (w *world) topCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch a running Segue in a terminal, and steer it by keys",
		Long: `Show how a running Segue is, live in a terminal: its backends and its sessions,
sorted and filtered as you like, with keys that drain a backend, take it out for
maintenance, or let it take sessions again; the key ? lists them all. It goes on
through a restart of Segue, and says so.
Where there is no terminal, or for scripts: ` + "`segue status --watch`" + `, and so backends
and sessions, with -o json one JSON document per line.`,
		Args: cobra.NoArgs,
	}
	every := addSpan(cmd.Flags(), "interval", defaultWatch, leastWatch, config.LongestSpan, "how often Segue is asked, a `time` such as 500ms")
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, _ []string) error {
		out, _ := w.stdout.(*os.File)
		if w.stdin == nil || !isTerminal(w.stdin) || !isTerminal(w.stdout) || w.getenv("TERM") == "dumb" {
			return usageError{errors.New("top needs a terminal for its keys and its screen; `segue status --watch`, `segue backends --watch` and `segue sessions --watch` need none, and with -o json they are for programs")}
		}
		api := topAPI{c}
		first, err := api.Facts(ctx)
		if err != nil {
			return err
		}
		signals := make(chan os.Signal, 4)
		w.notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGWINCH, syscall.SIGCONT)
		return top.Run(ctx, first, top.Options{
			API: api, At: c.At(), In: w.stdin, Out: out, Every: *every, Color: w.getenv("NO_COLOR") == "", Signals: signals,
			Stop: func() error { return syscall.Kill(0, syscall.SIGTSTP) }, // the shell's job, as the terminal does it
		})
	})
}

// topAPI asks the admin API for what top shows.
type topAPI struct{ client *admin.Client }

// Facts implements top.API.
func (t topAPI) Facts(ctx context.Context) (*top.Facts, error) {
	f := &top.Facts{At: time.Now()}
	var err error
	if f.Status, err = t.client.Status(ctx); err != nil {
		return nil, err
	}
	if f.Backends, err = t.client.Backends(ctx); err != nil {
		return nil, err
	}
	if f.Sessions, err = t.client.Sessions(ctx); err != nil {
		return nil, err
	}
	metrics, err := t.client.Metrics(ctx)
	if err != nil {
		return nil, err
	}
	f.Counts, f.Took = top.CountsOf(metrics), time.Since(f.At)
	return f, nil
}

// Steer implements top.API.
func (t topAPI) Steer(ctx context.Context, s top.Steer) (admin.Backend, error) {
	return t.client.SetAdmin(ctx, s.Name, s.To, s.Force)
}

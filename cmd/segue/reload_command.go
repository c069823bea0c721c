package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"segue/cmd/internal/admin"
)

func (w *world) reloadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have a running Segue read its configuration again, and say how that went",
		Long: `Have a running Segue read its configuration again, as SIGHUP does, and say how
that went. Exit code 2 when there are problems: the configuration before it stays in
force then. Segue notices a change of its file by itself, a second or so later.`,
		Args: cobra.NoArgs,
	}
	format := addOutput(cmd)
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, _ []string) error {
		r, err := c.Reload(ctx)
		if err != nil {
			return err
		}
		if !r.Successful {
			return refusedError{r.Problems}
		}
		if *format == formatJSON {
			return printJSON(w.stdout, r)
		}
		_, err = fmt.Fprintf(w.stdout, "%s: loaded\n%s", pathOf(r), restartLine(r))
		return err
	})
}

// refusedError says that a running Segue has refused its configuration.
type refusedError struct{ problems []string }

// Error implements error.
func (e refusedError) Error() string {
	return "the configuration is refused, and the one before it stays in force:\n  " + strings.Join(e.problems, "\n  ")
}

// pathOf is where a configuration comes from, in words.
func pathOf(r admin.Reload) string {
	if r.Path == "" {
		return "from flags and variables"
	}
	return r.Path
}

// restartLine says what waits for a restart; empty if nothing does.
func restartLine(r admin.Reload) string {
	if len(r.Restart) == 0 {
		return ""
	}
	return fmt.Sprintf("waits for a restart: %s\n", strings.Join(r.Restart, ", "))
}

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"segue/config"
)

func (w *world) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check a configuration file, without touching the network",
		Long: `Check a configuration file and report every problem in it at once, one per line:

  segue.yaml:12:3: unknown key "intervall" in health; did you mean "interval"?

Without FILE: the one that SEGUE_CONFIG names, or /etc/segue/segue.yaml.
Exit code 0: no problem; 2: problems. Variables and flags play no part.`,
		Example: "  segue validate deploy/segue.example.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := w.etc
			if value := w.getenv("SEGUE_CONFIG"); value != "" {
				path = value
			}
			if len(args) == 1 {
				path = args[0]
			}
			c, err := config.Load(path)
			if err != nil {
				return err
			}
			users := ""
			if n := len(c.Proxy.Users); n > 0 {
				users = ", " + plural(n, "user")
			}
			_, err = fmt.Fprintf(w.stdout, "%s: no problems (%s, %s%s)\n", path, c.Flavor, plural(len(c.Backends), "backend"), users)
			return err
		},
	}
}

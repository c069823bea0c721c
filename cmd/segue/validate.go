package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"segue/backend"
	"segue/config"
)

func (w *world) validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check a configuration file, without touching the network",
		Long: `Check a configuration file and report every problem in it at once, one per line:

  segue.yaml:12:3: unknown key "intervall" in health; did you mean "interval"?

and say who may steer Segue by the admin API.

Without FILE: the one that SEGUE_CONFIG names, or /etc/segue/segue.yaml.
Exit code 0: no problem; 2: problems. Variables and flags play no part.`,
		Example: "  segue validate deploy/segue.example.yaml",
		Args:    cobra.MaximumNArgs(1),

		ValidArgsFunction: files("yaml", "yml"),
	}
	format := addOutput(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
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
		steering := c.Access.Steering(c.Admin, config.IsLocal(c.Admin))
		if *format == formatJSON {
			return printJSON(w.stdout, validated{path, c.Flavor, len(c.Backends), len(c.Proxy.Users), steering, c.Warnings})
		}
		for _, warning := range c.Warnings {
			fmt.Fprintf(w.stderr, "warning: %s\n", warning)
		}
		users := ""
		if n := len(c.Proxy.Users); n > 0 {
			users = ", " + plural(n, "user")
		}
		_, err = fmt.Fprintf(w.stdout, "%s: no problems (%s, %s%s)\nadmin %s: %s\n", path, c.Flavor, plural(len(c.Backends), "backend"), users, c.Admin, steering)
		return err
	}
	return cmd
}

// validated is a configuration without problems, as JSON.
type validated struct {
	Path     string           `json:"path"`
	Flavor   backend.Flavor   `json:"flavor"`
	Backends int              `json:"backends"`
	Users    int              `json:"users"`
	Admin    string           `json:"admin"` // who may steer
	Warnings []config.Problem `json:"warnings,omitempty"`
}

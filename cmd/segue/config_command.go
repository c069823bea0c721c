package main

import (
	"github.com/spf13/cobra"

	"segue/config"
)

func (w *world) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config [BACKEND ...]",
		Short: "Print the configuration that serve would have, and where each value comes from",
		Long: `Print the configuration that ` + "`segue serve`" + ` with the same flags, variables and file
would have, and of each value where it comes from: a line of the file, a flag, a
variable, or the default. Passwords, hashes and tokens are masked.`,
		Example: "  segue config --config /etc/segue/segue.yaml\n  segue config -o json fe1:9030",
	}
	s := w.addSettings(cmd)
	s.addDiscover(cmd)
	s.addShutdown(cmd)
	helpAll := s.addKeys(cmd)
	format := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *helpAll {
			return cmd.Help()
		}
		path, overrides, err := w.source(cmd, s, args)
		if err != nil {
			return err
		}
		settings, err := config.Effective(path, overrides...)
		if err != nil {
			return err
		}
		if *format == formatJSON {
			return printJSON(w.stdout, settings)
		}
		var rows [][]string
		for _, s := range settings {
			rows = append(rows, []string{s.Key, s.Value, s.Source})
		}
		return printTable(w.stdout, []string{"KEY", "VALUE", "SOURCE"}, rows)
	}
	return cmd
}

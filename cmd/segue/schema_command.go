package main

import (
	"github.com/spf13/cobra"

	"segue/config"
	"segue/deploy"
)

func (w *world) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of the configuration, for editors",
		Long: `Print the JSON schema (draft 2020-12) of the configuration: every key with what may
stand there, its default, and what it is. An editor that knows it completes keys and
marks mistakes while you type; VS Code, Neovim and others do with a first line
  # yaml-language-server: $schema=segue.schema.json
` + "`segue validate`" + ` knows more: what two values have to do with each other, and files.`,
		Example: "  segue schema > segue.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := config.JSONSchema(deploy.Example)
			if err != nil {
				return err
			}
			_, err = w.stdout.Write(text)
			return err
		},
	}
}

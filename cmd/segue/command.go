package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"segue/cmd/internal/importer"
	"segue/config"
)

// The exit codes. Scripts rely on them.
const (
	exitDone   = 0
	exitFailed = 1 // it did not work, or what was asked about is unhealthy
	exitUsage  = 2 // wrong usage, or a wrong configuration
)

// usageError is an error of whoever typed the command.
type usageError struct{ error }

// Unwrap is for errors.Is and errors.AsType.
func (e usageError) Unwrap() error { return e.error }

// run runs one command line and returns its exit code.
func (w *world) run(ctx context.Context, args []string) int {
	w.args = args
	w.getenv = withoutLineEnd(w.getenv)
	defer w.flush()
	root, begun := w.commands()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	asJSON := wantsJSON(args)
	printError(w.stderr, asJSON, err)
	_, problems := errors.AsType[*config.Problems](err)
	_, refused := errors.AsType[refusedError](err)
	_, unread := errors.AsType[*importer.Error](err)
	_, usage := errors.AsType[usageError](err)
	own, hasOwn := errors.AsType[exitError](err)
	switch {
	case problems, refused, unread:
		return exitUsage
	case usage || !*begun:
		if !asJSON {
			fmt.Fprintf(w.stderr, "Run '%s --help' for usage.\n", cmd.CommandPath())
		}
		return exitUsage
	case hasOwn:
		return own.code
	}
	return exitFailed
}

// commands is the command tree. *begun is true once flags and arguments have
// been found right: an error before that is one of usage.
func (w *world) commands() (root *cobra.Command, begun *bool) {
	begun = new(bool)
	root = &cobra.Command{
		Use:   "segue",
		Short: "A sidecar that hides rolling restarts of StarRocks, Doris, TiDB and MySQL from applications",
		Long: `Segue stands between an application and the MySQL port of a cluster. It probes
every backend, is off one that leaves at its first sign, hides every failed
connection attempt, and lets sessions end at a statement boundary.

  segue serve fe1:9030,fe2:9030,fe3:9030     then connect to 127.0.0.1:9030
  segue demo                                 see it work, without a database
  segue bench --dsn 'app:…@tcp(lb:9030)/'    measure what users of any endpoint feel

Exit codes: 0 done; 1 failed or unhealthy; 2 wrong usage or configuration.
Flags win over SEGUE_* variables, these over the file, the file over defaults.`,
		Version:       readBuild().Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			*begun = true
			if cmd.Name() != serveName { // which has a log for that
				for _, unknown := range w.unknownVariables() {
					fmt.Fprintf(w.stderr, "segue: %s\n", unknown)
				}
			}
			return nil
		},
	}
	root.SetFlagErrorFunc(mistypedFlag)
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	root.SetVersionTemplate("segue {{.Version}}\n")
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run it:"}, &cobra.Group{ID: "ask", Title: "Ask and steer a running Segue:"},
		&cobra.Group{ID: "try", Title: "Try it and measure it:"})
	for group, commands := range map[string][]*cobra.Command{
		"run": {w.initCommand(), w.serveCommand(), w.renewCommand(), w.validateCommand(), w.configCommand(), w.schemaCommand(), w.importCommand(), w.checkCommand()},
		"ask": {
			w.healthcheckCommand(), w.waitCommand(), w.topCommand(), w.statusCommand(), w.backendsCommand(), w.sessionsCommand(), w.failuresCommand(), w.drainCommand(), w.readyCommand(), w.maintCommand(),
			w.pauseCommand(), w.resumeCommand(), w.reloadCommand(), w.rolloutCommand(),
		},
		"try": {w.demoCommand(), w.benchCommand(), w.simCommand()},
	} {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	root.AddCommand(w.versionCommand(), w.manCommand())
	completeRest(root)
	return root, begun
}

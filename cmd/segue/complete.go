package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"segue/cmd/internal/admin"
)

// words has a shell complete the value of a flag of cmd by one of a few.
func words(cmd *cobra.Command, flag string, words ...string) {
	must(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
}

// files has a shell complete arguments by the names of files with one of some extensions.
func files(extensions ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(extensions, cobra.ShellCompDirectiveFilterFileExt)
}

// completeRest says of all flags and arguments below root of which nothing has been said what a shell completes there: the names of files where one is asked for, and otherwise
// nothing. Left alone it would be files everywhere.
func completeRest(root *cobra.Command) {
	root.Flags().VisitAll(func(f *pflag.Flag) {
		if _, said := root.GetFlagCompletionFunc(f.Name); said || f.NoOptDefVal == "true" {
			return
		}
		switch kind, _ := pflag.UnquoteUsage(f); {
		case f.Name == "config", f.Name == "experiment":
			must(root.RegisterFlagCompletionFunc(f.Name, files("yaml", "yml")))
		case kind != "file" && kind != "path":
			words(root, f.Name)
		}
	})
	if root.ValidArgsFunction == nil && len(root.ValidArgs) == 0 && !root.HasSubCommands() {
		root.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, c := range root.Commands() {
		completeRest(c)
	}
}

// completeTime is how long a running Segue may take to tell its names: somebody has pressed a key, and waits.
const completeTime = time.Second

// backendNames are the names that a shell may complete, each with how it is.
func backendNames(ctx context.Context, c *admin.Client) []string {
	if ctx == nil { // cobra has none while it completes
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	list, err := c.Backends(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for _, b := range list {
		names = append(names, cobra.CompletionWithDesc(shown(b.Name), fmt.Sprintf("%s, %s, %s", b.Health, b.Admin, plural(b.Sessions, "session"))))
	}
	return names
}

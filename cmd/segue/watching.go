package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"segue/config"
)

// watching is the flag --watch of a command that shows something.
type watching struct {
	every time.Duration // zero: once
}

// defaultWatch is how often it is shown where nothing is said of it.
const defaultWatch = time.Second

// leastWatch is how often it can be shown.
const leastWatch = 100 * time.Millisecond

// addWatch defines the flag on cmd, which has no arguments: a time span behind it is the flag's, as in --watch 5s.
func addWatch(cmd *cobra.Command) *watching {
	v := &watching{}
	every := span{&v.every, leastWatch, config.LongestSpan}
	f := cmd.Flags()
	f.VarP(every, "watch", "w", "show it again and again, with so much `time` in between; 1s if none is given")
	f.Lookup("watch").NoOptDefVal = defaultWatch.String()
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if _, err := time.ParseDuration(strings.Join(args, " ")); err != nil || !f.Changed("watch") {
			return cobra.NoArgs(cmd, args)
		}
		if err := every.Set(args[0]); err != nil {
			return fmt.Errorf("--watch %s: %w", args[0], err)
		}
		return nil
	}
	return v
}

// show shows something once, or again and again until ctx is done. While it cannot be shown, that is what is shown. On a terminal each takes the place of the one
// before; as JSON each is a line.
func (w *world) show(ctx context.Context, v *watching, format outputFormat, once func(ctx context.Context) error) error {
	if v.every == 0 {
		return once(ctx)
	}
	const home = "\x1b[H\x1b[2J" // and nothing below
	terminal := isTerminal(w.stdout) && format != formatJSON
	ticker := time.NewTicker(v.every)
	defer ticker.Stop()
	for first := true; ; first = false {
		if terminal {
			fmt.Fprint(w.stdout, home)
		} else if !first && format != formatJSON {
			fmt.Fprintln(w.stdout)
		}
		if err := once(ctx); err != nil && ctx.Err() == nil {
			printError(w.stderr, format == formatJSON, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// printShown writes v as JSON: as the admin API does, or in a line where more are to come.
func (w *world) printShown(v *watching, value any) error {
	if v.every == 0 {
		return printJSON(w.stdout, value)
	}
	return json.NewEncoder(w.stdout).Encode(value)
}

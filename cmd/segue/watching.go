package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"segue/bench/typeset"
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
	if terminal := w.stdout; isTerminal(terminal) && format != formatJSON {
		defer func() { w.stdout = terminal }()
		return w.repeat(ctx, v, func(bool) {
			var text bytes.Buffer
			w.stdout = &text
			err := once(ctx)
			columns, rows := terminalSize(terminal)
			fmt.Fprint(terminal, pageOf(text.String(), columns, rows))
			w.tell(ctx, format, err)
		})
	}
	return w.repeat(ctx, v, func(first bool) {
		if !first && format != formatJSON {
			fmt.Fprintln(w.stdout)
		}
		w.tell(ctx, format, once(ctx))
	})
}

// repeat shows something again and again until ctx is done.
func (w *world) repeat(ctx context.Context, v *watching, show func(first bool)) error {
	ticker := time.NewTicker(v.every)
	defer ticker.Stop()
	for first := true; ; first = false {
		show(first)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// tell says why something could not be shown.
func (w *world) tell(ctx context.Context, format outputFormat, err error) {
	if err != nil && ctx.Err() == nil {
		printError(w.stderr, format == formatJSON, err)
	}
}

// pageOf is a text that takes the place of what stands on a screen, as much of it as there is room for: its beginning, which has the titles. The last line is for an error.
func pageOf(text string, columns, rows int) string {
	const home = "\x1b[H\x1b[2J" // and nothing below
	if columns < 1 || rows < 1 { // it does not know its size
		return home + text
	}
	var page strings.Builder
	page.WriteString(home)
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if left := len(lines) - 1 - i; i >= rows-3 && left > 2 {
			fmt.Fprintf(&page, "… and %s more\n", plural(left, "line"))
			break
		}
		body, end := strings.CutSuffix(line, "\n")
		page.WriteString(typeset.Cut(body, columns))
		if end {
			page.WriteByte('\n')
		}
	}
	return page.String()
}

// printShown writes v as JSON: as the admin API does, or in a line where more are to come.
func (w *world) printShown(v *watching, value any) error {
	if v.every == 0 {
		return printJSON(w.stdout, value)
	}
	return json.NewEncoder(w.stdout).Encode(value)
}

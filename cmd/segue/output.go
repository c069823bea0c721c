package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"segue/backend/wire"
	"segue/bench/typeset"
)

// outputFormat is the flag --output.
type outputFormat string

const (
	formatTable outputFormat = "table"
	formatJSON  outputFormat = "json"
)

// Set implements pflag.Value.
func (f *outputFormat) Set(s string) error {
	if s != string(formatTable) && s != string(formatJSON) {
		return fmt.Errorf("it is table or json")
	}
	*f = outputFormat(s)
	return nil
}

// String implements pflag.Value.
func (f *outputFormat) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *outputFormat) Type() string { return "format" }

// addOutput defines --output on cmd.
func addOutput(cmd *cobra.Command) *outputFormat {
	f := formatTable
	cmd.Flags().VarP(&f, "output", "o", "table or json")
	words(cmd, "output", "table", "json")
	return &f
}

func must(err error) {
	if err != nil { // a flag that is not defined: a bug of ours
		panic("segue: " + err.Error())
	}
}

// printJSON writes v as the admin API does, with what no terminal should get as escapes.
func printJSON(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, r := range string(text) {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	_, err = fmt.Fprintln(w, out.String())
	return err
}

// printTable writes rows in columns below their titles.
func printTable(w io.Writer, titles []string, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{titles}, rows...) {
		for i, cell := range row {
			if row[i] = shown(cell); row[i] == "" {
				row[i] = "-" // a hole would be taken for the next column
			}
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// shown makes a text of the admin API fit for a terminal: a server or a client may have had a say in it, and somebody else may answer there.
func shown(text string) string { return wire.Shown(text, 4*wire.MaxShown) }

// age is how long ago t was, in the largest units that matter.
func age(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return typeset.Age(time.Since(t))
}

// plural is "1 session", "2 sessions".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

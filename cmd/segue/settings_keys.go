package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"segue/config"
)

// ofKey marks a flag that is made of a key of the configuration: the help has it under --help-all alone.
const ofKey = "segue_key"

// addKeys defines a flag for each key of the configuration that has one and no other yet, on a command that serves, and --help-all, which shows them.
func (s *settings) addKeys(cmd *cobra.Command) (all *bool) {
	f := cmd.Flags()
	for _, k := range s.keys {
		if k.Flag == "" || f.Lookup(k.Flag) != nil {
			continue
		}
		if s.values[k.Path] == nil {
			s.values[k.Path] = new(string)
		}
		f.Var(&keyValue{s.values[k.Path], k.Kind, k.List}, k.Flag, keyUsage(k))
		flag := f.Lookup(k.Flag)
		flag.Annotations = map[string][]string{ofKey: {k.Path}}
		if k.Kind == "bool" {
			flag.NoOptDefVal = "true"
		}
		if len(k.Words) > 0 {
			words(cmd, k.Flag, k.Words...)
		}
	}
	all = f.Bool("help-all", false, "help with a flag for every key of the configuration")
	cmd.SetUsageFunc(func(c *cobra.Command) error {
		if !*all {
			defer hideKeys(c.Flags())()
		}
		return c.Root().UsageFunc()(c)
	})
	return all
}

// hideKeys leaves out of the help what is made of keys, until show is called: to a shell and in the manual they are as good as others.
func hideKeys(f *pflag.FlagSet) (show func()) {
	each := func(hidden bool) {
		f.VisitAll(func(f *pflag.Flag) {
			if f.Annotations[ofKey] != nil {
				f.Hidden = hidden
			}
		})
	}
	each(true)
	return func() { each(false) }
}

// usageWidth is how wide what is said of a key may be: the names of its flags take the rest of a line.
const usageWidth = 70

// keyUsage is what the help says of a key.
func keyUsage(k config.Key) string {
	about := strings.ReplaceAll(k.About, "`", "")
	if at := strings.Index(about, ". "); at > 0 && len(about) > 2*usageWidth {
		about = about[:at]
	}
	text := cmp.Or(strings.TrimSuffix(about, "."), k.Takes)
	if k.Default != "" && !strings.Contains(about, "default") && k.Kind != "bool" {
		text += " (default " + k.Default + ")"
	}
	return wrapped(text, usageWidth)
}

// wrapped breaks a text between words.
func wrapped(text string, width int) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		n := len([]rune(word))
		switch {
		case column == 0:
		case column+1+n > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// keyValue is the flag of a key: its text, which the configuration reads. A list may be given again.
type keyValue struct {
	into *string
	kind string
	list bool
}

// String implements pflag.Value.
func (v *keyValue) String() string {
	if v.into == nil {
		return ""
	}
	return *v.into
}

// Set implements pflag.Value.
func (v *keyValue) Set(text string) error {
	if v.list && *v.into != "" {
		text = *v.into + "," + text
	}
	*v.into = text
	return nil
}

// Type implements pflag.Value.
func (v *keyValue) Type() string { return v.kind }

// fromFlags are the settings that flags give.
func (s *settings) fromFlags(cmd *cobra.Command) (list []config.Override) {
	for _, k := range s.keys {
		value := s.values[k.Path]
		for _, flag := range []string{k.Flag, s.others[k.Path]} {
			if value != nil && flag != "" && cmd.Flags().Changed(flag) {
				list = append(list, config.Override{Key: k.Path, Value: outside(k, *value), Source: "--" + flag})
				break
			}
		}
	}
	return list
}

// fromEnvironment are those that variables give. One that is empty gives none, and neither does one whose key, or the rival of it, a flag has given.
func (s *settings) fromEnvironment(getenv func(string) string, flags []config.Override) (list []config.Override) {
	for _, k := range s.keys {
		if k.Variable == "" || slices.ContainsFunc(flags, func(o config.Override) bool { return o.Key == k.Path || o.Key == config.Rival(k.Path) }) {
			continue
		}
		if value := getenv(k.Variable); value != "" {
			list = append(list, config.Override{Key: k.Path, Value: outside(k, value), Source: k.Variable})
		}
	}
	return list
}

// outside is a value that was not written in the file: a path begins where Segue is started.
func outside(k config.Key, value string) string {
	if k.File {
		return absolute(value)
	}
	return value
}

// Package config is the configuration file: its types, its defaults, a strict
// load that reports every problem at once with its place, what changed
// between two of them, and the watch that notices a change.
//
// Typical usage:
//
//	cfg, err := config.Load("/etc/segue/segue.yaml")
//	if err != nil {
//		fmt.Fprintln(os.Stderr, err) // one line per problem: file:line:col: what; remedy
//		os.Exit(2)
//	}
//
// A file is read in three steps. The YAML becomes a tree of nodes, which keep
// their positions. The tree is walked along the keys of schema.go, each key
// with its own reader, over the defaults. Then the values are checked against
// each other (check.go). No step stops at the first problem.
//
// Settings from outside the file (flags, SEGUE_* variables) are Overrides:
// they go through the same readers and the same checks as the file's own.
//
// The package does not expand variables, include other files, follow YAML
// aliases or apply anything: the program does that with the loaded Config.
package config

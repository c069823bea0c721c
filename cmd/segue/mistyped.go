package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"segue/config"
)

// variables are those of the environment that mean something to a command, without their prefix.
var variables = [...]string{"CONFIG", "LISTEN", "ADMIN", "FLAVOR", "BACKENDS", "ZONE", "LOG_LEVEL", "BENCH_DSN", "TOKEN_FILE"}

const variablePrefix = "SEGUE_"

// mistypedVariable is an error if the environment has a variable that is none of Segue's and nearly one: it would be ignored without a word. Others are left
// alone; Kubernetes makes some of its own for a service that is called segue.
func mistypedVariable(environ []string) error {
	known := make(map[string]bool)
	var lower []string
	for _, name := range variables {
		known[name] = true
		lower = append(lower, strings.ToLower(name))
	}
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(strings.ToUpper(name), variablePrefix)
		if !ours || name == variablePrefix+rest && known[rest] || kubernetes(rest) {
			continue
		}
		if near := config.Nearest(strings.ToLower(rest), lower); near != "" {
			return usageError{fmt.Errorf("unknown variable %s; did you mean %s%s?", name, variablePrefix, strings.ToUpper(near))}
		}
	}
	return nil
}

// kubernetes reports whether a variable is one that Kubernetes makes for a service.
func kubernetes(name string) bool {
	return strings.HasSuffix(name, "_SERVICE_HOST") || strings.Contains(name, "SERVICE_PORT") || strings.HasSuffix(name, "PORT") || strings.Contains(name, "PORT_")
}

// mistypedFlag adds to an error which flag was meant.
func mistypedFlag(cmd *cobra.Command, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		return err
	}
	var names []string
	collect := func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	cmd.Flags().VisitAll(collect)
	cmd.InheritedFlags().VisitAll(collect)
	if near := config.Nearest(name, names); near != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, near)
	}
	return err
}

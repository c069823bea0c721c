package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"segue/config"
)

// variables are those of the environment that mean something to a command beside those of the configuration's keys, without their prefix.
var variables = [...]string{"CONFIG", "LOG_LEVEL", "BENCH_DSN", "TOKEN_FILE", "ADMIN_CA", "ADMIN_CERT", "ADMIN_KEY"}

const variablePrefix = "SEGUE_"

// knownVariables are all of them.
func knownVariables(keys []config.Key) (names []string) {
	for _, name := range variables {
		names = append(names, variablePrefix+name)
	}
	for _, k := range keys {
		if k.Variable != "" {
			names = append(names, k.Variable)
		}
	}
	return names
}

// unknownVariables says of each variable that begins like Segue's and is none that it means nothing, and which one may have been meant.
func (w *world) unknownVariables() []string {
	if w.environ == nil {
		return nil
	}
	return unknownVariables(w.environ(), knownVariables(w.configKeys()))
}

// unknownVariables leaves out what Kubernetes makes by itself for a service that is called segue.
func unknownVariables(environ, known []string) (told []string) {
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(strings.ToUpper(name), variablePrefix)
		if !ours || slices.Contains(known, name) || kubernetes(name, value, environ) {
			continue
		}
		text := fmt.Sprintf("unknown variable %s is ignored", name)
		if near := nearestVariable(rest, known); near != "" {
			text += fmt.Sprintf("; did you mean %s?", near)
		}
		told = append(told, text)
	}
	return told
}

// nearestVariable is the known variable that is most likely meant by a name without its prefix; empty: none is like it.
func nearestVariable(name string, known []string) string {
	var words []string
	for _, k := range known {
		words = append(words, strings.ToLower(strings.TrimPrefix(k, variablePrefix)))
	}
	if near := config.Nearest(strings.ToLower(name), words); near != "" {
		return variablePrefix + strings.ToUpper(near)
	}
	return ""
}

// kubernetes reports whether a variable is one that Kubernetes makes for a service, by what such a one looks like: SEGUE_LISTEN_PORT=3306 is somebody's mistake.
//
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
func kubernetes(name, value string, environ []string) bool {
	if strings.HasSuffix(name, "_SERVICE_HOST") || portOfService.MatchString(name) {
		return true
	}
	if strings.HasSuffix(name, "_PORT") && !strings.HasSuffix(name, "_SERVICE_PORT") {
		scheme, _, url := strings.Cut(value, "://")
		return url && slices.Contains([]string{"tcp", "udp", "sctp"}, scheme)
	}
	service, _, named := strings.Cut(name, "_SERVICE_PORT")
	return named && slices.ContainsFunc(environ, func(pair string) bool { return strings.HasPrefix(pair, service+"_SERVICE_HOST=") })
}

// portOfService is what the variables of one port are called.
var portOfService = regexp.MustCompile(`_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`)

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
	for _, k := range config.Keys(nil) {
		if name == strings.NewReplacer(".", "-", "_", "-").Replace(k.Path) && k.Variable != "" && k.Flag == "" && k.Path != "backends" {
			return fmt.Errorf("%w: everybody on this machine can read a command line; name a file by --%s-file, or set %s", err, name, k.Variable)
		}
	}
	if near := config.Nearest(name, names); near != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, near)
	}
	return err
}

package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"segue/cmd/internal/admin"
	"segue/config"
)

// settings are the flags that stand for keys of the configuration.
type settings struct {
	config string
	values map[string]*string // key of the file → value of its flag
}

// addSettings defines the flags on cmd.
func addSettings(cmd *cobra.Command) *settings {
	s := &settings{values: make(map[string]*string)}
	f := cmd.Flags()
	f.StringVar(&s.config, "config", "", "configuration `file` (SEGUE_CONFIG)")
	add := func(key, usage string) { s.values[key] = f.String(key, "", usage) }
	add("listen", "`address` where applications connect (SEGUE_LISTEN; default "+config.Default().Listen+")")
	add("admin", "`address` of the admin API and metrics (SEGUE_ADMIN; default "+config.Default().Admin+")")
	add("flavor", "`flavor` of the servers: starrocks, doris, tidb, mysql or mariadb (SEGUE_FLAVOR; default starrocks)")
	return s
}

// source is where the configuration comes from, by flag > SEGUE_* > file.
// Without a file and without backends that is the file in /etc.
func (w *world) source(cmd *cobra.Command, s *settings, backends []string) (path string, overrides []config.Override, err error) {
	path = s.config
	if path == "" {
		path = w.getenv("SEGUE_CONFIG")
	}
	for _, key := range []string{"listen", "admin", "flavor"} {
		variable := "SEGUE_" + strings.ToUpper(key)
		switch value := w.getenv(variable); {
		case cmd.Flags().Changed(key):
			overrides = append(overrides, config.Override{Key: key, Value: *s.values[key], Source: "--" + key})
		case value != "":
			overrides = append(overrides, config.Override{Key: key, Value: value, Source: variable})
		}
	}
	switch variable := w.getenv("SEGUE_BACKENDS"); {
	case len(backends) > 0:
		overrides = append(overrides, config.Override{Key: "backends", Value: strings.Join(backends, ","), Source: "argument"})
	case variable != "":
		overrides = append(overrides, config.Override{Key: "backends", Value: variable, Source: "SEGUE_BACKENDS"})
	case path == "":
		if _, err := os.Stat(w.etc); err != nil {
			return "", nil, usageError{fmt.Errorf(`no backends and no configuration
  name the backends:   %s fe1:9030,fe2:9030,fe3:9030
  or a configuration:  %s --config segue.yaml
  or put one at %s`, cmd.CommandPath(), cmd.CommandPath(), w.etc)}
		}
		path = w.etc
	}
	return path, overrides, nil
}

// adminClient asks where a running Segue answers: flag > SEGUE_ADMIN > file > default, with the token of flag > SEGUE_TOKEN_FILE > file. The
// token of a file is for the address of that file alone.
func (w *world) adminClient(address, tokenFile string) (*admin.Client, error) {
	at, token, err := w.adminAddress(address)
	if err != nil {
		return nil, err
	}
	source := "--token-file"
	if tokenFile == "" {
		source, tokenFile = "SEGUE_TOKEN_FILE", w.getenv("SEGUE_TOKEN_FILE")
	}
	if tokenFile != "" {
		if token, err = config.ReadSecret(tokenFile); err == nil && token == "" {
			err = errors.New("it is empty")
		}
		if err != nil {
			return nil, usageError{fmt.Errorf("%s %s: %w", source, tokenFile, innermost(err))}
		}
	}
	c := admin.NewClient(at)
	c.Authorize(token)
	return c, nil
}

// adminAddress is where a running Segue answers, and the token of the file that says so.
func (w *world) adminAddress(flag string) (address, token string, err error) {
	if flag != "" {
		return reachable(flag), "", checkAdmin(flag, "--admin")
	}
	if value := w.getenv("SEGUE_ADMIN"); value != "" {
		return reachable(value), "", checkAdmin(value, "SEGUE_ADMIN")
	}
	if path := w.getenv("SEGUE_CONFIG"); path != "" {
		c, err := config.Load(path)
		if err != nil {
			return "", "", err
		}
		return reachable(c.Admin), c.Access.Token, nil
	}
	if c, err := config.Load(w.etc); err == nil { // not for everybody to read, maybe
		return reachable(c.Admin), c.Access.Token, nil
	}
	return config.Default().Admin, "", nil
}

// checkAdmin reports an admin address that is none.
func checkAdmin(value, source string) error {
	_, err := config.Load("", config.Override{Key: "backends", Value: "unused:1", Source: source},
		config.Override{Key: "admin", Value: value, Source: source},
		config.Override{Key: "listen", Value: "127.0.0.1:0", Source: source})
	return err
}

// reachable is the address to connect to for an address that is bound: every
// interface means this machine.
func reachable(bound string) string {
	if _, ok := config.UnixPath(bound); ok {
		return bound
	}
	host, port, err := net.SplitHostPort(bound)
	if err != nil {
		return bound
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && ip.Unmap().Is4() && ip.IsUnspecified():
		host = "127.0.0.1"
	case err == nil && ip.IsUnspecified(): // Linux: takes IPv4 too, but not everywhere
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

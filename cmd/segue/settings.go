package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"segue/config"
	"segue/deploy"
)

// settings are the flags that stand for keys of the configuration.
type settings struct {
	config string
	keys   []config.Key
	values map[string]*string // key of the file → value of its flags
	others map[string]string  // … → another name of its flag

	discover []string // what finds backends, as written
}

// addSettings defines those that every command has which reads a configuration. The variables hold for all of them.
func (w *world) addSettings(cmd *cobra.Command) *settings {
	s := &settings{keys: w.configKeys(), values: make(map[string]*string), others: make(map[string]string)}
	f := cmd.Flags()
	f.StringVar(&s.config, "config", "", "configuration `file` (SEGUE_CONFIG)")
	add := func(key, usage string) { s.values[key] = f.String(key, "", usage) }
	s.values["listen"] = new(string)
	f.Var(&joined{s.values["listen"], "address"}, "listen", "`address` where applications connect, or unix:PATH; may be repeated\n(SEGUE_LISTEN, with commas; default "+config.Default().Listen[0].Address+")")
	add("admin", "`address` of the admin API and metrics (SEGUE_ADMIN; default "+config.Default().Admin+")")
	add("flavor", "`flavor`: starrocks, doris, tidb, mysql or mariadb (SEGUE_FLAVOR; default starrocks)")
	words(cmd, "flavor", "starrocks", "doris", "tidb", "mysql", "mariadb")
	return s
}

// configKeys are the keys of the configuration.
func (w *world) configKeys() []config.Key {
	if w.keys == nil {
		w.keys = config.Keys(deploy.Example)
	}
	return w.keys
}

// addDiscover defines those of what finds backends, on a command that serves.
func (s *settings) addDiscover(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&s.discover, "discover", nil, "`seed` HOST:PORT of a cluster that is asked, as --user, who else there is; or\n"+
		"dns:HOST:PORT, dns:_SERVICE._PROTO.NAME, file:PATH,\nkubernetes:[NAMESPACE/]SERVICE[:PORT]; may be repeated")
	s.values["discover.user"] = f.String("user", "", "`account` that asks the cluster (SEGUE_DISCOVER_USER)")
	s.values["discover.password_file"] = f.String("password-file", "", "`file` with its password (SEGUE_DISCOVER_PASSWORD_FILE)")
	s.others["discover.user"], s.others["discover.password_file"] = "user", "password-file"
	s.values["zone"] = f.String("zone", "", "`zone` where this Segue is, for balance.prefer: local (SEGUE_ZONE)")
}

// addShutdown defines those of what happens at SIGTERM, on a command that serves.
func (s *settings) addShutdown(cmd *cobra.Command) {
	f := cmd.Flags()
	s.values["shutdown.delay"] = f.String("shutdown-delay", "", "`time` to go on as before after SIGTERM, taking clients\n(SEGUE_SHUTDOWN_DELAY; default 0s)")
	s.values["shutdown.wait_clients"] = f.String("shutdown-wait-clients", "", "`time` to do so at most while clients are connected\n(SEGUE_SHUTDOWN_WAIT_CLIENTS; default 0s)")
}

// discoverOverrides are the settings that --discover stands for, and the seeds among them.
func (s *settings) discoverOverrides() (list []config.Override, seeds []string) {
	add := func(key, value string) {
		list = append(list, config.Override{Key: key, Value: value, Source: "--discover"})
	}
	var names []string
	for _, d := range s.discover {
		if name, ok := strings.CutPrefix(d, "dns:"); ok {
			names = append(names, name)
		} else if path, ok := strings.CutPrefix(d, "file:"); ok {
			add("discover.file", absolute(path))
		} else if service, ok := strings.CutPrefix(d, "kubernetes:"); ok {
			service, port, _ := strings.Cut(service, ":")
			if namespace, name, ok := strings.Cut(service, "/"); ok {
				add("discover.kubernetes.namespace", namespace)
				service = name
			}
			add("discover.kubernetes.service", service)
			if port != "" {
				add("discover.kubernetes.port", port)
			}
		} else {
			seeds = append(seeds, d)
		}
	}
	if len(names) > 0 {
		add("discover.dns", strings.Join(names, ","))
	}
	if len(seeds) > 0 {
		add("discover.sql", "true")
	}
	return list, seeds
}

// absolute is a path that was written where Segue is started, which need not be where its configuration lies.
func absolute(path string) string {
	if config.IsCredential(path) {
		return path
	}
	if whole, err := filepath.Abs(path); err == nil && path != "" {
		return whole
	}
	return path
}

// joined is a flag that may be given again: its values are a list with commas.
type joined struct {
	into *string
	kind string
}

// String implements pflag.Value.
func (j *joined) String() string {
	if j.into == nil {
		return ""
	}
	return *j.into
}

// Set implements pflag.Value.
func (j *joined) Set(text string) error {
	if *j.into != "" {
		text = *j.into + "," + text
	}
	*j.into = text
	return nil
}

// Type implements pflag.Value.
func (j *joined) Type() string { return j.kind }

// source is where the configuration comes from, by flag > SEGUE_* > file.
// Without a file and without backends that is the file in /etc.
func (w *world) source(cmd *cobra.Command, s *settings, backends []string) (path string, overrides []config.Override, err error) {
	path = s.config
	if path == "" {
		path = w.getenv("SEGUE_CONFIG")
	}
	finding, seeds := s.discoverOverrides()
	given := s.fromFlags(cmd)
	for _, o := range finding {
		if at := slices.IndexFunc(given, func(g config.Override) bool { return g.Key == o.Key }); at >= 0 {
			return "", nil, usageError{fmt.Errorf("%s and --discover both say where to look: %s; keep one of them", given[at].Source, o.Key)}
		}
	}
	given = append(given, finding...)
	overrides = append(s.fromEnvironment(w.getenv, given), given...)
	backends = append(slices.Clone(backends), seeds...)
	switch {
	case len(backends) > 0:
		overrides = slices.DeleteFunc(overrides, func(o config.Override) bool { return o.Key == "backends" })
		overrides = append(overrides, config.Override{Key: "backends", Value: strings.Join(backends, ","), Source: "argument"})
	case path != "", slices.ContainsFunc(overrides, func(o config.Override) bool { return o.Key == "backends" }):
	case len(s.discover) > 0: // they find all there is
	case w.exists(w.etc):
		path = w.etc
	case !slices.ContainsFunc(overrides, findsAlone):
		return "", nil, usageError{fmt.Errorf(`no backends and no configuration
  name the backends:   %s fe1:9030,fe2:9030,fe3:9030
  or a configuration:  %s --config segue.yaml
  or put one at %s; `+"`segue init`"+` writes one`, cmd.CommandPath(), cmd.CommandPath(), w.etc)}
	}
	return path, overrides, nil
}

func (w *world) exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// findsAlone tells whether a setting finds backends where none is named.
func findsAlone(o config.Override) bool {
	return slices.Contains([]string{"discover.dns", "discover.file", "discover.kubernetes.service"}, o.Key)
}

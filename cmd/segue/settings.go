package main

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"segue/backend/secure"
	"segue/cmd/internal/admin"
	"segue/config"
)

// settings are the flags that stand for keys of the configuration.
type settings struct {
	config string
	values map[string]*string // key of the file → value of its flag

	discover []string // what finds backends, as written
}

// addSettings defines the flags on cmd.
func addSettings(cmd *cobra.Command) *settings {
	s := &settings{values: make(map[string]*string)}
	f := cmd.Flags()
	f.StringVar(&s.config, "config", "", "configuration `file` (SEGUE_CONFIG)")
	add := func(key, usage string) { s.values[key] = f.String(key, "", usage) }
	s.values["listen"] = new(string)
	f.Var(&joined{s.values["listen"]}, "listen", "`address` where applications connect, or unix:PATH; may be repeated\n(SEGUE_LISTEN, with commas; default "+config.Default().Listen[0].Address+")")
	add("admin", "`address` of the admin API and metrics (SEGUE_ADMIN; default "+config.Default().Admin+")")
	add("flavor", "`flavor`: starrocks, doris, tidb, mysql or mariadb (SEGUE_FLAVOR; default starrocks)")
	words(cmd, "flavor", "starrocks", "doris", "tidb", "mysql", "mariadb")
	return s
}

// addDiscover defines those of what finds backends, on a command that serves.
func (s *settings) addDiscover(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&s.discover, "discover", nil, "`seed` HOST:PORT of a cluster that is asked, as --user, who else there is; or\n"+
		"dns:HOST:PORT, dns:_SERVICE._PROTO.NAME, file:PATH,\nkubernetes:[NAMESPACE/]SERVICE[:PORT]; may be repeated")
	s.values["discover.user"] = f.String("user", "", "`account` that asks the cluster")
	s.values["discover.password_file"] = f.String("password-file", "", "`file` with its password")
	s.values["zone"] = f.String("zone", "", "`zone` where this Segue is, for balance.prefer: local (SEGUE_ZONE)")
}

// discoverOverrides are the settings that --discover stands for, and the seeds among them.
func (s *settings) discoverOverrides(cmd *cobra.Command, getenv func(string) string) (list []config.Override, seeds []string) {
	add := func(key, value, source string) {
		list = append(list, config.Override{Key: key, Value: value, Source: source})
	}
	var names []string
	for _, d := range s.discover {
		if name, ok := strings.CutPrefix(d, "dns:"); ok {
			names = append(names, name)
		} else if path, ok := strings.CutPrefix(d, "file:"); ok {
			add("discover.file", absolute(path), "--discover")
		} else if service, ok := strings.CutPrefix(d, "kubernetes:"); ok {
			service, port, _ := strings.Cut(service, ":")
			if namespace, name, ok := strings.Cut(service, "/"); ok {
				add("discover.kubernetes.namespace", namespace, "--discover")
				service = name
			}
			add("discover.kubernetes.service", service, "--discover")
			if port != "" {
				add("discover.kubernetes.port", port, "--discover")
			}
		} else {
			seeds = append(seeds, d)
		}
	}
	if len(names) > 0 {
		add("discover.dns", strings.Join(names, ","), "--discover")
	}
	if len(seeds) > 0 {
		add("discover.sql", "true", "--discover")
	}
	for _, of := range []struct{ key, flag, variable string }{
		{"discover.user", "user", ""}, {"discover.password_file", "password-file", ""}, {"zone", "zone", "SEGUE_ZONE"},
	} {
		value := s.values[of.key]
		switch {
		case value != nil && cmd.Flags().Changed(of.flag):
			text := *value
			if strings.HasSuffix(of.key, "_file") {
				text = absolute(text)
			}
			add(of.key, text, "--"+of.flag)
		case of.variable != "" && getenv(of.variable) != "":
			add(of.key, getenv(of.variable), of.variable)
		}
	}
	return list, seeds
}

// absolute is a path that was written where Segue is started, which need not be where its configuration lies.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil && path != "" {
		return whole
	}
	return path
}

// joined is a flag that may be given again: its values are a list with commas.
type joined struct{ into *string }

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
func (*joined) Type() string { return "address" }

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
	finding, seeds := s.discoverOverrides(cmd, w.getenv)
	overrides = append(overrides, finding...)
	backends = append(slices.Clone(backends), seeds...)
	switch variable := w.getenv("SEGUE_BACKENDS"); {
	case len(backends) > 0:
		overrides = append(overrides, config.Override{Key: "backends", Value: strings.Join(backends, ","), Source: "argument"})
	case variable != "":
		overrides = append(overrides, config.Override{Key: "backends", Value: variable, Source: "SEGUE_BACKENDS"})
	case path == "" && len(s.discover) > 0: // they find all there is
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

// adminFlags are the flags by which a command finds the admin API of a running Segue, and shows it who asks.
type adminFlags struct {
	address, token, ca, cert, key string
}

// addAdmin defines them on cmd.
func addAdmin(cmd *cobra.Command) *adminFlags {
	a := new(adminFlags)
	f := cmd.Flags()
	f.StringVar(&a.address, "admin", "", "`address` of the admin API, https://ADDRESS or unix:PATH (SEGUE_ADMIN; default 127.0.0.1:9131)")
	f.StringVar(&a.token, "token-file", "", "`file` with the token that the admin API asks for (SEGUE_TOKEN_FILE)")
	f.StringVar(&a.ca, "admin-ca", "", "`file` with the authorities that vouch for it on TLS (SEGUE_ADMIN_CA; default: the system's)")
	f.StringVar(&a.cert, "admin-cert", "", "`file` with the certificate to show it, and its key (SEGUE_ADMIN_CERT)")
	f.StringVar(&a.key, "admin-key", "", "`file` with the key, if --admin-cert does not have it (SEGUE_ADMIN_KEY)")
	return a
}

// adminClient asks where a running Segue answers: flag > SEGUE_ADMIN > file > default, with the token of flag > SEGUE_TOKEN_FILE > file. The
// token of a file is for the address of that file alone, and so is the certificate that it says Segue shows.
func (w *world) adminClient(a adminFlags) (*admin.Client, error) {
	at, token, shown, err := w.adminAddress(a.address)
	if err != nil {
		return nil, err
	}
	source := "--token-file"
	if a.token == "" {
		source, a.token = "SEGUE_TOKEN_FILE", w.getenv("SEGUE_TOKEN_FILE")
	}
	if a.token != "" {
		if token, err = config.ReadSecret(a.token); err == nil && token == "" {
			err = errors.New("it is empty")
		}
		if err != nil {
			return nil, usageError{fmt.Errorf("%s %s: %w", source, a.token, innermost(err))}
		}
	}
	secured, err := w.adminTLS(a, shown)
	if err != nil {
		return nil, err
	}
	host, isSecure := strings.CutPrefix(at, httpsPrefix)
	c := admin.NewClient(host)
	if isSecure || secured != nil && !strings.HasPrefix(at, "unix:") {
		c = admin.NewSecureClient(host, secured)
	}
	c.Authorize(token)
	return c, nil
}

// httpsPrefix begins an admin address that is on TLS.
const httpsPrefix = "https://"

// adminTLS is how the admin API is spoken to on TLS; nil: nothing is said of that. shown is the certificate that the configuration says Segue shows there.
func (w *world) adminTLS(a adminFlags, shown []byte) (*tls.Config, error) {
	read := func(path *string, flag string) ([]byte, error) {
		source := "--" + flag
		if *path == "" {
			source = "SEGUE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
			*path = w.getenv(source)
		}
		if *path == "" {
			return nil, nil
		}
		data, err := os.ReadFile(*path)
		if err != nil {
			return nil, usageError{fmt.Errorf("%s %s: %w", source, *path, innermost(err))}
		}
		return data, nil
	}
	ca, err := read(&a.ca, "admin-ca")
	cert, certErr := read(&a.cert, "admin-cert")
	key, keyErr := read(&a.key, "admin-key")
	switch err := errors.Join(err, certErr, keyErr); {
	case err != nil:
		return nil, err
	case ca == nil && cert == nil && shown == nil:
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	switch {
	case ca != nil:
		if c.RootCAs, err = secure.Roots(ca); err != nil {
			return nil, usageError{fmt.Errorf("admin-ca %s: %w", a.ca, err)}
		}
	case shown != nil: // on this machine, by whatever address: it is to be that very certificate
		block, _ := pem.Decode(shown)
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if block == nil || len(s.PeerCertificates) == 0 || !bytes.Equal(s.PeerCertificates[0].Raw, block.Bytes) {
				return errors.New("the admin API shows another certificate than admin_tls.cert_file has; --admin-ca names the authority that vouches for it")
			}
			return nil
		}
	}
	if cert != nil {
		if key == nil {
			key = cert
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, usageError{fmt.Errorf("admin-cert %s: %w", a.cert, err)}
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// adminAddress is where a running Segue answers, and the token and the certificate of the file that says so.
func (w *world) adminAddress(flag string) (address, token string, shown []byte, err error) {
	for _, of := range []struct{ value, source string }{{flag, "--admin"}, {w.getenv("SEGUE_ADMIN"), "SEGUE_ADMIN"}} {
		if of.value == "" {
			continue
		}
		host, isSecure := strings.CutPrefix(of.value, httpsPrefix)
		host = strings.TrimSuffix(host, "/")
		if address = reachable(host); isSecure {
			address = httpsPrefix + address
		}
		return address, "", nil, checkAdmin(host, of.source)
	}
	if path := w.getenv("SEGUE_CONFIG"); path != "" {
		c, err := config.Load(path)
		if err != nil {
			return "", "", nil, err
		}
		return reachable(c.Admin), c.Access.Token, c.AdminTLS.Server.Certificate, nil
	}
	if c, err := config.Load(w.etc); err == nil { // not for everybody to read, maybe
		return reachable(c.Admin), c.Access.Token, c.AdminTLS.Server.Certificate, nil
	}
	return config.Default().Admin, "", nil, nil
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

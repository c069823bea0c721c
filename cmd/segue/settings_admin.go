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
	"strings"
	"time"

	"github.com/spf13/cobra"

	"segue/backend/secure"
	"segue/cmd/internal/admin"
	"segue/config"
)

// adminFlags are the flags by which a command finds the admin API of a running Segue, and shows it who asks.
type adminFlags struct {
	address, token, ca, cert, key string

	lenient bool // a problem in the configuration that names the address is no reason not to ask there
	public  bool // what is asked for is everybody's: no token is looked for

	patience time.Duration // for a file that names the address; zero: that of all files
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

// adminClient asks where a running Segue answers: flag > SEGUE_ADMIN > file > default, with the token of flag > SEGUE_TOKEN_FILE > SEGUE_ADMIN_TOKEN_FILE > file. The
// token of a file is for the address of that file alone, and so is the certificate that it says Segue shows.
func (w *world) adminClient(a adminFlags) (*admin.Client, error) {
	at, token, shown, err := w.whereToAsk(a)
	if err != nil {
		return nil, err
	}
	if token, err = w.adminToken(a, token); err != nil {
		return nil, err
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

// adminToken is the token to show: the one of the file that names the address, unless another is given.
func (w *world) adminToken(a adminFlags, token string) (string, error) {
	source := "--token-file"
	if a.token == "" && !a.public {
		source, a.token = "SEGUE_TOKEN_FILE", w.getenv("SEGUE_TOKEN_FILE")
	}
	if a.token == "" && !a.public && a.address == "" { // what serve has got in the same place
		source, a.token = "SEGUE_ADMIN_TOKEN_FILE", w.getenv("SEGUE_ADMIN_TOKEN_FILE")
	}
	if a.token == "" {
		return token, nil
	}
	token, err := config.ReadSecret(a.token)
	if err == nil && token == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", usageError{fmt.Errorf("%s %s: %w", source, a.token, innermost(err))}
	}
	return token, nil
}

// whereToAsk is adminAddress for commands of all kinds.
func (w *world) whereToAsk(a adminFlags) (at, token string, shown []byte, err error) {
	named := a.address != "" || w.getenv("SEGUE_ADMIN") != ""
	if !a.public || named { // else the file's other parts, and its secrets, do not matter
		at, token, shown, err = w.adminAddress(a.address)
	}
	if !a.lenient || err != nil && named {
		return at, token, shown, err
	}
	path := w.getenv("SEGUE_CONFIG")
	if path == "" {
		path = w.etc
	}
	own, cert := config.AdminOf(path, a.patience)
	if over := w.getenv("SEGUE_ADMIN_TLS_CERT_FILE"); over != "" {
		cert, _ = os.ReadFile(over) // as serve does; without it, it is another's to vouch for
	}
	switch own = reachable(own); {
	case err != nil || at == "":
		return own, "", cert, nil
	case a.address == "": // SEGUE_ADMIN, which serve goes by as well
		return at, token, cert, nil
	case isSameHere(strings.TrimPrefix(at, httpsPrefix), own, w.getenv("SEGUE_ADMIN")):
		return at, token, cert, nil
	}
	return at, token, shown, nil
}

// isSameHere tells whether an address is one of those where the Segue of this machine or container has its admin API: that port of this machine.
func isSameHere(at string, own ...string) bool {
	host, port, err := net.SplitHostPort(at)
	for _, o := range own {
		if _, p, bad := net.SplitHostPort(o); at == o || err == nil && bad == nil && p == port && isLoopback(host) {
			return true
		}
	}
	return false
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
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
	address, shown = config.AdminOf(w.etc, 0)
	return reachable(address), "", shown, nil
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

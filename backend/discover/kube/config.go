package kube

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// Where a pod finds what it needs to ask the API server.
const (
	account          = "/var/run/secrets/kubernetes.io/serviceaccount/"
	accountToken     = account + "token"
	accountCA        = account + "ca.crt"
	accountNamespace = account + "namespace"
)

// Config says which API server is asked, and as whom. The zero Config is that of a pod: address from its environment, token, authorities and namespace from its
// service account. With a Server, what else is empty is left out.
type Config struct {
	// Server is the API server's URL. Plain http is for loopback alone (kubectl proxy).
	Server string
	// TokenFile holds the bearer token. It is read again for each request, since tokens are renewed.
	TokenFile string
	// CAFile holds the authorities that the server's certificate is checked by, in PEM; empty: the system's. It is read again when it changes.
	CAFile string
	// Namespace is the one that objects are in that name none.
	Namespace string
}

// resolve gives the configuration with what a pod's surroundings say of it.
func (c Config) resolve(getenv func(string) string) (Config, error) {
	if c.Server == "" {
		host, port := getenv("KUBERNETES_SERVICE_HOST"), getenv("KUBERNETES_SERVICE_PORT")
		if host == "" || port == "" {
			return c, errors.New("find API server: no server is given, and this is no pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set); give its URL, and the files of a token and of its authorities")
		}
		c.Server = "https://" + net.JoinHostPort(host, port)
		c.TokenFile, c.CAFile = or(c.TokenFile, accountToken), or(c.CAFile, accountCA)
		if c.Namespace == "" {
			text, err := os.ReadFile(accountNamespace)
			if err != nil {
				return c, fmt.Errorf("read namespace of the service account: %w; give a namespace, or mount the account's token (automountServiceAccountToken)", err)
			}
			c.Namespace = strings.TrimSpace(string(text))
		}
	}
	if c.Namespace == "" {
		return c, errors.New("no namespace is given")
	}
	return c, nil
}

func or(given, otherwise string) string {
	if given != "" {
		return given
	}
	return otherwise
}

// ParseServer reads the server's URL. A token never travels in the clear but to this machine itself.
func ParseServer(server string) (*url.URL, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("parse server %q: %w", server, err)
	}
	if u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("parse server %q: want https://HOST[:PORT]", server)
	}
	switch u.Scheme {
	case "https":
	case "http":
		ip, err := netip.ParseAddr(u.Hostname())
		if u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
			return nil, fmt.Errorf("parse server %q: want https: the token would travel in the clear", server)
		}
	default:
		return nil, fmt.Errorf("parse server %q: want https://HOST[:PORT]", server)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

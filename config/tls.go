package config

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"segue/backend/secure"
)

// The words of tls.mode.
const (
	TLSOff      = "off"      // it is not offered
	TLSOptional = "optional" // a client decides
	TLSRequired = "required" // a client without it is refused
)

// TLS is what is offered to those who connect.
type TLS struct {
	Mode string // TLSOff, TLSOptional or TLSRequired
	// SelfSigned says that Segue makes its certificate itself; Server has none then.
	SelfSigned bool
	Server     secure.ServerOptions
	// Expires is when the certificate does; zero: there is none, or Segue's own.
	Expires time.Time
}

// On reports whether it is offered.
func (t TLS) On() bool { return t.Mode == TLSOptional || t.Mode == TLSRequired }

// Same reports whether a reload from t to u changes nothing.
func (t TLS) Same(u TLS) bool {
	return t.Mode == u.Mode && t.SelfSigned == u.SelfSigned && t.Server.Same(u.Server)
}

// MinVersion is the oldest version of TLS that is spoken, as the file writes it.
func (t TLS) MinVersion() string {
	if t.Server.MinVersion == tls.VersionTLS13 {
		return "1.3"
	}
	return "1.2"
}

// ExpirySoon is how long ahead a certificate's expiry is warned of.
const ExpirySoon = 14 * 24 * time.Hour

// tlsEntry is one section of TLS towards those who connect, as it was written.
type tlsEntry struct {
	path          string
	into          *TLS
	cert, key, ca *yaml.Node // nil: not given
	mode, version string
}

// tlsKeys is every key of such a section. Only that for clients has a mode, and may go without a certificate.
func (p *parser) tlsKeys(e *tlsEntry, clients bool) []key {
	keep := func(into **yaml.Node) func(*yaml.Node) {
		return func(n *yaml.Node) { *into = n }
	}
	keys := []key{
		{name: "cert_file", file: true, read: p.as(fileName(), keep(&e.cert))},
		{name: "key_file", file: true, read: p.as(fileName(), keep(&e.key))},
		{name: "client_ca_file", file: true, read: p.as(fileName(), keep(&e.ca))},
		{name: "min_version", read: p.oneOf(&e.version, "1.2", "1.3")},
	}
	if clients {
		keys = append(keys, key{name: "mode", read: p.oneOf(&e.mode, TLSOff, TLSOptional, TLSRequired)},
			key{name: "self_signed", read: func(n *yaml.Node) { p.truth(n, &e.into.SelfSigned) }})
	}
	return keys
}

// checkTLS reads the files of a section, and looks whether what they hold goes together.
func (p *parser) checkTLS(e *tlsEntry) {
	t := e.into
	section := p.where[e.path]
	if section == nil {
		return
	}
	if t.Mode = e.mode; t.Mode == "" {
		t.Mode = TLSOptional
	}
	if e.version == "1.3" {
		t.Server.MinVersion = tls.VersionTLS13
	}
	switch {
	case e.cert == nil && e.key != nil:
		p.report(e.key, e.path+".key_file without "+e.path+".cert_file", "name the certificate that the key is for")
		return
	case e.cert != nil && t.SelfSigned:
		p.report(e.cert, e.path+" has a certificate and is to be self-signed", "take one of cert_file and self_signed out")
		return
	case e.cert == nil && !t.SelfSigned && t.Mode != TLSOff:
		p.report(section, e.path+" has no certificate", "name cert_file and key_file"+orSelfSigned(e))
		return
	}
	before := len(p.problems)
	if e.ca != nil {
		if t.Server.ClientCA = p.pemFile(e.ca, e.path+".client_ca_file"); t.Server.ClientCA != nil {
			if _, err := secure.Roots(t.Server.ClientCA); err != nil {
				p.report(e.ca, fmt.Sprintf("%s.client_ca_file %s: %s", e.path, e.ca.Value, err), "it must hold the certificates of the authorities, as PEM")
			}
		}
	}
	if e.cert == nil {
		return
	}
	t.Server.Certificate = p.pemFile(e.cert, e.path+".cert_file")
	what, at := e.path+".cert_file "+e.cert.Value, e.cert
	if e.key != nil {
		t.Server.Key = p.pemFile(e.key, e.path+".key_file")
		what, at = e.path+".cert_file "+e.cert.Value+" and key_file "+e.key.Value, e.key
		p.checkSecretMode(e.key, e.path+".key_file", e.key.Value)
	}
	if len(p.problems) > before {
		return
	}
	server, err := secure.NewServer(t.Server)
	if err != nil {
		p.report(at, what+": "+err.Error(), "write a certificate and its private key, as PEM: the certificate first, then those between it and its authority")
		return
	}
	t.Expires = server.NotAfter()
	switch left := time.Until(t.Expires); {
	case left <= 0:
		p.warn(e.cert, fmt.Sprintf("%s.cert_file %s: the certificate expired on %s", e.path, e.cert.Value, t.Expires.Format(time.DateOnly)), "clients that look at it are not let in; renew it")
	case left < ExpirySoon:
		p.warn(e.cert, fmt.Sprintf("%s.cert_file %s: the certificate expires on %s", e.path, e.cert.Value, t.Expires.Format(time.DateOnly)), "renew it; a new one is taken up by itself")
	}
}

func orSelfSigned(e *tlsEntry) string {
	if e.path == "tls" {
		return ", or write self_signed: true"
	}
	return ""
}

// checkRequirements looks whether what is required of the clients of a user can be met at all.
func (p *parser) checkRequirements(d *document) {
	t := d.config.TLS
	for i := range d.users {
		e := &d.users[i]
		if e.name == nil || e.require == "" && e.subject == "" {
			continue
		}
		name := strconv.Quote(shorten(e.name.Value))
		switch {
		case !t.On():
			p.report(e.node, "user "+name+" is for clients on TLS alone, and no client is offered that", "add tls: {cert_file: …, key_file: …}, or take require out")
		case (e.require == requireCertificate || e.subject != "") && len(t.Server.ClientCA) == 0:
			p.report(e.node, "user "+name+" is for clients with a certificate, and no client is asked for one", "add tls.client_ca_file, or take it out")
		}
	}
}

// checkLearning warns of users_learned where there is no client that could be asked.
func (p *parser) checkLearning(c *Config) {
	if c.Proxy.LearnUsers && !c.TLS.On() && !slices.ContainsFunc(c.Listen, Listen.isUnix) {
		p.report(p.where["users_learned"], "users_learned is for clients on TLS or a UNIX socket, and there are none", "add tls: {cert_file: …, key_file: …}, or take it out")
	}
}

// pemFile reads a file of PEM; nil where it cannot be. It is looked at again when it changes.
func (p *parser) pemFile(n *yaml.Node, what string) []byte {
	switch {
	case !p.scalar(n):
		return nil
	case n.Value == "":
		p.report(n, what+" is empty", "name a file")
		return nil
	}
	path, ok := p.placed(n, what, n.Value)
	if !ok {
		return nil
	}
	data, err := p.from.keyFile(path)
	p.remember(path, string(data), err)
	if err != nil {
		p.report(n, fmt.Sprintf("%s %s: %s", what, n.Value, cause(err)), "it must be a file as PEM, readable for Segue")
		return nil
	}
	if len(strings.TrimSpace(string(data))) == 0 {
		p.report(n, fmt.Sprintf("%s %s: there is nothing in it", what, n.Value), "write it as PEM")
		return nil
	}
	return data
}

// tls tells what changes for those who connect by TLS, without a word of any key.
func (d *Changes) tls(section string, old, new TLS) {
	if !d.changed(section+".mode", old.Mode, new.Mode) && !old.On() {
		return
	}
	d.changed(section+".self_signed", old.SelfSigned, new.SelfSigned)
	d.changed(section+".min_version", old.MinVersion(), new.MinVersion())
	was, is := old.Server, new.Server
	was.MinVersion, is.MinVersion = 0, 0
	was.ClientCA, is.ClientCA = nil, nil
	if !was.Same(is) {
		text := "none"
		if !new.Expires.IsZero() {
			text = "one that expires on " + new.Expires.Format(time.DateOnly)
		}
		d.add("%s: another certificate: %s", section, text)
	}
	was, is = old.Server, new.Server
	was.Certificate, was.Key, is.Certificate, is.Key = nil, nil, nil, nil
	was.MinVersion, is.MinVersion = 0, 0
	if !was.Same(is) {
		d.add("%s.client_ca_file changed", section)
	}
}

// backendTLSEntry is one section of TLS towards backends, as it was written.
type backendTLSEntry struct {
	node          *yaml.Node // nil: not given
	mode, name    *yaml.Node
	ca, cert, key *yaml.Node
}

// backendTLSKeys is every key of such a section.
func (p *parser) backendTLSKeys(e *backendTLSEntry) []key {
	keep := func(into **yaml.Node) func(*yaml.Node) {
		return func(n *yaml.Node) { *into = n }
	}
	return []key{
		{name: "mode", read: p.as(modeNameShape(), keep(&e.mode))},
		{name: "ca_file", file: true, read: p.as(fileName(), keep(&e.ca))},
		{name: "cert_file", file: true, read: p.as(fileName(), keep(&e.cert))},
		{name: "key_file", file: true, read: p.as(fileName(), keep(&e.key))},
		{name: "server_name", read: p.as(anyText(), keep(&e.name))},
	}
}

// modeNameShape takes the names in capital letters too, and with underscores, as MySQL's clients do.
func modeNameShape() shape {
	var names []string
	for _, name := range secure.ModeNames() {
		names = append(names, strings.ReplaceAll(anyCase(name), "-", "[-_]"))
	}
	return shape{"anyOf": []shape{wordShape(secure.ModeNames()...), {"type": "string", "pattern": "^(" + strings.Join(names, "|") + ")$"}}}
}

// policy makes what such a section says; otherwise where there is none.
func (p *parser) policy(e *backendTLSEntry, section string, otherwise *secure.Policy) *secure.Policy {
	if e.node == nil {
		return otherwise
	}
	before := len(p.problems)
	mode := secure.Preferred
	if e.mode != nil {
		if !p.scalar(e.mode) {
			return nil
		}
		if err := mode.UnmarshalText([]byte(e.mode.Value)); err != nil && !p.word(e.mode, secure.ModeNames()) {
			return nil
		}
	} else if e.ca != nil || e.name != nil {
		mode = secure.VerifyIdentity
	}
	m := secure.Material{}
	for _, file := range []struct {
		node *yaml.Node
		key  string
		into *[]byte
	}{{e.ca, "ca_file", &m.CA}, {e.cert, "cert_file", &m.Cert}, {e.key, "key_file", &m.Key}} {
		if file.node != nil {
			*file.into = p.pemFile(file.node, section+"."+file.key)
		}
	}
	if e.key != nil && e.key.Kind == yaml.ScalarNode {
		p.checkSecretMode(e.key, section+".key_file", e.key.Value)
	} else if e.cert != nil { // it may be in the same file
		m.Key = m.Cert
	}
	if e.name != nil && p.scalar(e.name) {
		m.ServerName = e.name.Value
	}
	if len(p.problems) > before {
		return nil
	}
	policy, err := secure.New(mode, m)
	if err != nil {
		what, remedy, _ := strings.Cut(err.Error(), "; ")
		p.report(e.node, section+"."+what, remedy)
		return nil
	}
	return policy
}

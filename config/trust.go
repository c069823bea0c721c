package config

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"segue/backend/client"
	"segue/backend/wire"
)

// trust is whom a password may be given to: the server that has the key in the file, or, where get_server_public_key says so, anybody. file is nil if none
// is named.
func (p *parser) trust(d *document, file *yaml.Node, what string) client.Trust {
	if file == nil {
		return client.Trust{AnyKey: d.config.GetServerPublicKey}
	}
	return client.Trust{Key: p.publicKey(file, what)}
}

// publicKey reads a file with a server's public key. It is no secret, but what it says is remembered as if it were one, so that a change is noticed.
func (p *parser) publicKey(n *yaml.Node, what string) string {
	switch {
	case !p.scalar(n):
		return ""
	case n.Value == "":
		p.report(n, what+" is empty", "name a file")
		return ""
	}
	path, ok := p.placed(n, what, n.Value)
	if !ok {
		return ""
	}
	data, err := p.from.keyFile(path)
	if err == nil {
		err = wire.CheckPublicKey(data)
	}
	p.remember(path, string(data), err)
	if err != nil {
		remedy := "it must be the server's public key as PEM: SHOW STATUS LIKE 'Caching_sha2_password_rsa_public_key', or public_key.pem in its data directory"
		if strings.Contains(string(data), "PRIVATE KEY") {
			err, remedy = errors.New("holds a private key"), "that belongs to the server alone; name public_key.pem"
		}
		p.report(n, fmt.Sprintf("%s %s: %s", what, n.Value, cause(err)), remedy)
		return ""
	}
	return string(data)
}

// keyFile returns the content of a file with keys or certificates.
func (r *reader) keyFile(path string) ([]byte, error) { return r.Read(path, maxSecretSize) }

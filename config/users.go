package config

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"segue/backend"
	"segue/backend/client"
	proxy "segue/proxy"
)

// The words of users[].require.
const (
	requireTLS         = "tls"
	requireCertificate = "certificate"
)

// userEntry is one user of the list as it was written.
type userEntry struct {
	node                       *yaml.Node
	name, password, file, hash *yaml.Node // nil: not given
	service, publicKey         *yaml.Node
	require                    string
	subject                    string
}

// userKeys is every key of one user.
func (p *parser) userKeys(u *userEntry) []key {
	keep := func(into **yaml.Node) func(*yaml.Node) {
		return func(n *yaml.Node) { *into = n }
	}
	return []key{
		{name: "name", read: p.as(anyText(), keep(&u.name))},
		{name: "password", secret: true, read: p.as(anyText(), keep(&u.password))},
		{name: "password_file", file: true, read: p.as(fileName(), keep(&u.file))},
		{name: "hash", secret: true, read: p.as(shape{"type": "string", "pattern": `^\*[0-9A-Fa-f]{40}$`}, keep(&u.hash))},
		{name: "service", read: p.as(yesOrNo(), keep(&u.service))},
		{name: "server_public_key_file", file: true, read: p.as(fileName(), keep(&u.publicKey))},
		{name: "require", read: p.oneOf(&u.require, requireTLS, requireCertificate)},
		{name: "require_subject", read: p.text(&u.subject)},
	}
}

// users reads the list.
func (p *parser) users(into *[]userEntry) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = p.usersShape()
			return
		}
		if n.Kind != yaml.SequenceNode {
			p.report(n, "users is "+kindOf(n)+", not a list", "write `- {name: …, password_file: …}` lines below it")
			return
		}
		for i, item := range n.Content {
			path := fmt.Sprintf("users[%d]", i)
			if item.Kind != yaml.MappingNode {
				what := "not a set of keys" // and no word of what it is: that may be a password
				p.report(item, path+" is "+what, "write {name: …} and one of password, password_file and hash")
				continue
			}
			u := userEntry{node: item}
			p.mapping(item, path, p.userKeys(&u))
			*into = append(*into, u)
		}
	}
}

// usersShape is that of the list: each has one secret, or is only required to come in some way.
func (p *parser) usersShape() shape {
	has := func(name string) shape { return shape{"required": []string{name}} }
	secrets := []shape{has("password"), has("password_file"), has("hash")}
	keys := p.sectionShape("users[]", p.userKeys(&userEntry{}))
	keys["required"] = []string{"name"}
	keys["oneOf"] = append(secrets, shape{"not": shape{"anyOf": secrets}, "anyOf": []shape{has("require"), has("require_subject")}})
	keys["allOf"] = []shape{{"not": shape{"required": []string{"hash", "server_public_key_file"}}}}
	return optional(listShape(keys))
}

// accounts checks the list against itself and against the flavor.
func (p *parser) accounts(d *document) []proxy.User {
	entries, flavor := d.users, d.config.Flavor
	var users []proxy.User
	first := make(map[string]*userEntry)
	var service *userEntry
	for i := range entries {
		e := &entries[i]
		u := proxy.User{Name: p.userName(e), Requires: client.Requirement{TLS: e.require != "", Certificate: e.require == requireCertificate, Subject: e.subject}}
		if u.Name == "" {
			continue
		}
		if earlier, ok := first[u.Name]; ok {
			p.report(e.name, fmt.Sprintf("two users are called %q", shorten(u.Name)),
				fmt.Sprintf("the first is in line %d; keep one", earlier.node.Line))
			continue
		}
		first[u.Name] = e
		p.userSecret(e, &u)
		if e.publicKey != nil && e.hash != nil {
			p.report(e.publicKey, "user "+strconv.Quote(shorten(u.Name))+" has a server_public_key_file and a hash alone", "take it out: there is no password to be given to anybody")
		} else if u.HasPassword {
			u.Trust = p.trust(d, e.publicKey, "user "+strconv.Quote(shorten(u.Name))+": server_public_key_file")
		}
		if p.isService(e, &u, flavor) {
			if service != nil {
				p.report(e.service, "two users are service accounts", fmt.Sprintf("the first is in line %d; keep one", service.node.Line))
			}
			service = e
		}
		users = append(users, u)
	}
	return users
}

func (p *parser) userName(e *userEntry) string {
	switch {
	case e.name == nil:
		p.report(e.node, "a user has no name", "add name: the account as clients write it, without a host")
		return ""
	case !p.scalar(e.name):
		return ""
	case e.name.Value == "" || strings.ContainsAny(e.name.Value, "\x00\n"):
		p.report(e.name, "a user's name is empty or has a line break", "write the account as clients do, without a host")
		return ""
	case p.unfilled(e.name, "a user's name", "write the account as clients do, without a host"):
		return ""
	}
	return e.name.Value
}

// userSecret reads the one of password, password_file and hash that was given. No problem tells what it says.
func (p *parser) userSecret(e *userEntry, u *proxy.User) {
	var given []*yaml.Node
	for _, n := range []*yaml.Node{e.password, e.file, e.hash} {
		if n != nil {
			given = append(given, n)
		}
	}
	name := strconv.Quote(shorten(u.Name))
	switch {
	case len(given) == 0 && u.Requires != (client.Requirement{}): // that alone is something to say
		return
	case len(given) == 0:
		p.report(e.node, "user "+name+" has no password, password_file or hash", "give one of them; password_file keeps the secret out of here")
		return
	case len(given) > 1:
		p.report(given[1], "user "+name+" has more than one of password, password_file and hash", "keep one; password_file keeps the secret out of here")
		return
	case given[0].Kind != yaml.ScalarNode:
		p.report(given[0], "user "+name+": "+p.key(given[0])+" is "+kindOf(given[0]), "write a single value")
		return
	case p.unfilled(e.password, "user "+name+": password", inAFile):
		return
	}
	switch value := given[0].Value; given[0] {
	case e.password:
		u.Password, u.HasPassword = value, true
	case e.hash:
		u.HasHash = p.userHash(given[0], name, &u.Hash)
	default:
		u.Password, u.HasPassword = p.passwordFile(given[0], "user "+name+": password_file", value)
	}
}

// userHash reads `*` and 40 hexadecimal digits.
func (p *parser) userHash(n *yaml.Node, name string, into *[20]byte) bool {
	digits, starred := strings.CutPrefix(n.Value, "*")
	hash, err := hex.DecodeString(digits)
	switch {
	case starred && err == nil && len(hash) == len(into):
		copy(into[:], hash)
		return true
	case strings.HasPrefix(n.Value, "$A$"):
		p.report(n, "user "+name+": hash is one of caching_sha2_password", "that cannot be used; give password or password_file")
	case !starred:
		p.report(n, "user "+name+": hash does not begin with *", "write what mysql_native_password stores, in quotes: \"*\" and 40 hexadecimal digits")
	default:
		p.report(n, fmt.Sprintf("user %s: hash is not 40 hexadecimal digits behind the *, but %d characters", name, len(digits)),
			"copy it again: SHOW CREATE USER or mysql.user has it")
	}
	return false
}

// isService reads whether the user is a service account.
func (p *parser) isService(e *userEntry, u *proxy.User, flavor backend.Flavor) bool {
	if e.service == nil || !p.truth(e.service, &u.Service) || !u.Service {
		return false
	}
	name := strconv.Quote(shorten(u.Name))
	switch {
	case flavor != backend.StarRocks && flavor != backend.Doris:
		p.report(e.service, fmt.Sprintf("user %s is a service account, and %s has no EXECUTE AS", name, flavor), "take service out")
	case u.HasHash:
		p.report(e.service, "user "+name+" is a service account with a hash alone", "give its password or password_file: Segue is to log in as it")
	default:
		return true
	}
	return false
}

// passwordFile reads a file with a password: an empty one is a mistake.
func (p *parser) passwordFile(n *yaml.Node, what, path string) (password string, ok bool) {
	password, ok = p.secretFile(n, what, path)
	if ok && strings.TrimSpace(password) == "" {
		p.report(n, fmt.Sprintf("%s %s: there is nothing in it", what, path), `write the password into it; of an account without one say so: password: ""`)
		return "", false
	}
	return password, ok
}

// secretFile reads a file with a secret. What it says and where it lies is remembered, so that a change can be noticed.
func (p *parser) secretFile(n *yaml.Node, what, path string) (secret string, ok bool) {
	if path == "" {
		p.report(n, what+" is empty", "name a file")
		return "", false
	}
	full, ok := p.placed(n, what, path)
	if !ok {
		return "", false
	}
	secret, err := p.from.secret(full)
	p.remember(full, secret, err)
	p.checkSecretMode(n, what, path)
	if err != nil {
		p.report(n, fmt.Sprintf("%s %s: %s", what, path, cause(err)), fileRemedy(path))
		return "", false
	}
	return secret, true
}

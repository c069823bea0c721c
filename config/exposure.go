package config

import (
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// checkExposure warns of a file that others may read though it has secrets in it, or may change.
func (p *parser) checkExposure(c *Config) {
	if p.name == "" {
		return
	}
	others := permissions(p.name)
	switch inline := p.inlineSecret(c); {
	case others == 0:
	case inline != nil && others&mayRead != 0:
		p.warn(inline, "there is a secret in this file, and everybody on this machine may "+verbs(others)+" it",
			"chmod 600, or keep the secret in a password_file")
	case others&mayWrite != 0:
		p.warn(nil, "everybody on this machine may write this file", "chmod o-w")
	}
}

// inlineSecret is where the first secret stands in the file itself, or nil.
func (p *parser) inlineSecret(c *Config) *yaml.Node {
	if n := p.where["health.password"]; n != nil && c.Health.Password != "" {
		return n
	}
	if n := p.where["discover.password"]; n != nil && c.Discover.Password != "" {
		return n
	}
	for i, u := range c.Proxy.Users {
		for _, key := range []string{"password", "hash"} {
			if n := p.where[fmt.Sprintf("users[%d].%s", i, key)]; n != nil && (u.Password != "" || u.HasHash) {
				return n
			}
		}
	}
	for i, b := range c.Backends {
		if n := p.where[fmt.Sprintf("backends[%d].health", i)]; n != nil && redacted(b.HealthURL) != b.HealthURL {
			return n
		}
	}
	return nil
}

// checkSecretMode warns of a file with a secret that others may read or change.
func (p *parser) checkSecretMode(n *yaml.Node, what, path string) {
	full, f := p.place(path)
	if f != nil {
		return // it has been reported
	}
	if others := permissions(full); others != 0 {
		p.warn(n, fmt.Sprintf("%s %s: everybody on this machine may %s it", what, path, verbs(others)), "chmod 600, or 400")
	}
}

// warn adds a warning at the place of n.
func (p *parser) warn(n *yaml.Node, what, remedy string) {
	kept := p.problems
	p.problems = nil
	p.report(n, what, remedy)
	p.warnings = append(p.warnings, p.problems...)
	p.problems = kept
}

// What others than a file's owner and group may do with it.
const (
	mayRead  = 0o4
	mayWrite = 0o2
)

// permissions is what others may do with a file, given that they get to it: a folder on the way may be closed to them.
func permissions(path string) (others os.FileMode) {
	full, err := filepath.Abs(path)
	if err != nil {
		return 0
	}
	if resolved, err := filepath.EvalSymlinks(full); err == nil {
		full = resolved
	}
	info, err := os.Stat(full)
	if err != nil {
		return 0
	}
	for folder := filepath.Dir(full); ; folder = filepath.Dir(folder) {
		if on, err := os.Stat(folder); err != nil || on.Mode().Perm()&0o1 == 0 {
			return 0
		}
		if folder == filepath.Dir(folder) {
			return info.Mode().Perm() & (mayRead | mayWrite)
		}
	}
}

func verbs(others os.FileMode) string {
	switch reads, writes := others&mayRead != 0, others&mayWrite != 0; {
	case reads && writes:
		return "read and write"
	case writes:
		return "write"
	}
	return "read"
}

package config

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"slices"
)

// seen is what a configuration was made from: the file, and the files beside it that hold a secret. It tells whether anything
// has changed, and where to look for changes.
type seen struct {
	sum     string   // of everything that was read; no secret can be got back from it
	folders []string // where it lies
}

// secretSeen is one file that was read for a secret.
type secretSeen struct {
	path string
	sum  [sha256.Size]byte
}

// remember notes what came of reading a secret.
func (p *parser) remember(path, secret string, err error) {
	said := "secret: " + secret
	if err != nil {
		said = "unreadable: " + err.Error()
	}
	p.secrets = append(p.secrets, secretSeen{path, sha256.Sum256([]byte(said))})
}

// seen sums up what was read.
func (p *parser) seen(data []byte) seen {
	h := sha256.New()
	h.Write(data)
	var folders []string
	if p.name != "" {
		folders = append(folders, filepath.Dir(p.name))
	}
	for _, s := range p.secrets {
		h.Write(s.sum[:])
		folders = append(folders, filepath.Dir(s.path))
	}
	slices.Sort(folders)
	return seen{hex.EncodeToString(h.Sum(nil)), slices.Compact(folders)}
}

package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// credentialPrefix begins the name of a credential of systemd, in the place of a path.
const credentialPrefix = "credential:"

// credentialsVariable names the folder where systemd puts the credentials of a unit. https://systemd.io/CREDENTIALS/
const credentialsVariable = "CREDENTIALS_DIRECTORY"

// IsCredential tells whether a path is the name of a credential: credential:NAME.
func IsCredential(path string) bool { return strings.HasPrefix(path, credentialPrefix) }

// place is where a file is that a configuration names: beside it, or among the credentials of the unit.
func (p *parser) place(path string) (string, *fault) {
	name, ok := strings.CutPrefix(path, credentialPrefix)
	switch folder := p.credentials; {
	case !ok:
		return beside(p.name, path), nil
	case !goodCredential(name):
		return "", &fault{fmt.Sprintf("%q is no name of a credential", shorten(name)), "write the name that LoadCredential= has, as in credential:probe"}
	case folder == "":
		return "", &fault{"there are no credentials here", fmt.Sprintf("give it to the unit: LoadCredential=%s:PATH; by hand: %s=/run/credentials/UNIT segue …", name, credentialsVariable)}
	default:
		return filepath.Join(folder, name), nil
	}
}

// placed is place, which reports that there is none.
func (p *parser) placed(n *yaml.Node, what, path string) (full string, ok bool) {
	full, f := p.place(path)
	if f != nil {
		p.report(n, what+" "+shorten(path)+": "+f.what, f.remedy)
	}
	return full, f == nil
}

// goodCredential tells whether a credential may be called so: a file name, as systemd has it.
func goodCredential(name string) bool {
	return name != "" && len(name) < 256 && name != "." && name != ".." && !strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r == ':' || r < ' ' || r == 0x7f })
}

// credentialsFolder is what systemd says.
func credentialsFolder() string { return os.Getenv(credentialsVariable) }

package kubernetes

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"segue/backend/secure/securetest"
	"segue/config"
)

var secretFile = regexp.MustCompile(`/run/secrets/[a-z-]+/[a-z.-]+`)

// load loads a configuration as a container has it, with files where it names Secrets.
func load(t *testing.T, what, text string) *config.Config {
	t.Helper()
	folder := t.TempDir()
	pair := securetest.New(t, "deploy").Issue(t, securetest.Leaf{Names: []string{"segue.example"}})
	for _, path := range secretFile.FindAllString(text, -1) {
		full := filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, full, map[string]string{".crt": string(pair.Cert), ".key": string(pair.Key), "": "change-me-0123456789abcdef0123456789abcdef\n"}[filepath.Ext(path)])
	}
	path := filepath.Join(folder, "segue.yaml")
	write(t, path, strings.ReplaceAll(text, "/run/secrets/", folder+"/run/secrets/"))
	c, err := config.Load(path)
	if err != nil {
		t.Errorf("%s: %v\n%s", what, err, text)
		return nil
	}
	return c
}

// configurations gives those of ConfigMaps.
func configurations(all []object) map[string]string {
	found := map[string]string{}
	for _, o := range all {
		if m, ok := o.typed.(*corev1.ConfigMap); ok && m.Data["segue.yaml"] != "" {
			found[m.Name] = m.Data["segue.yaml"]
		}
	}
	return found
}

// What is mounted as /etc/segue/segue.yaml is a configuration, and one under which nobody takes over from a container.
func TestSidecarsConfigurations(t *testing.T) {
	sources := map[string][]object{}
	for _, folder := range kustomizations {
		sources[folder] = build(t, filepath.Join(deploy, "kubernetes", folder))
	}
	text, err := os.ReadFile(filepath.Join(deploy, "kubernetes/sidecar.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sources["sidecar.yaml"] = decode(t, "sidecar.yaml", text)
	for name, all := range sources {
		found := configurations(all)
		if len(found) != 1 {
			t.Errorf("%s: %d configurations", name, len(found))
		}
		for _, text := range found {
			if c := load(t, name, text); c != nil && c.Takeover.Offer {
				t.Errorf("%s: offers to be taken over from", name)
			}
		}
	}
}

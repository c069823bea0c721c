package importer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"segue/config"
)

// fuzz holds of any text: it becomes a configuration that loads, or an error that says what to do.
func fuzz(f *testing.F, kind Kind, seeds ...string) {
	f.Helper()
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		if text, err := os.ReadFile(name); err == nil && Detect(name, text) == kind && !strings.HasSuffix(name, ".yaml") {
			seeds = append(seeds, string(text))
		}
	}
	for _, seed := range seeds {
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, text, section string) {
		p, err := Import(Source{Name: "fuzz", Text: []byte(text), Kind: kind, Section: section})
		if err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || e.What == "" || e.Remedy == "" || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("error %q", err)
			}
			return
		}
		yaml := p.YAML()
		if len(yaml) > config.MaxFileSize {
			return // of a file that is larger still: as with a hand-written one, loading says so
		}
		if _, err := config.Parse("fuzz.yaml", []byte(yaml)); err != nil {
			t.Fatalf("does not load: %v\n%s", err, yaml)
		}
		if strings.ContainsAny(yaml, "\x1b\x00\r") {
			t.Fatalf("what commands a terminal: %q", yaml)
		}
	})
}

func FuzzHAProxy(f *testing.F) {
	fuzz(f, HAProxy, "listen a\nbind :1\nserver a b:1 weight 2", "defaults d\nfrontend f from d\ndefault_backend b\nbackend b\nserver-template x 3 y:1")
}

func FuzzProxySQL(f *testing.F) {
	fuzz(f, ProxySQL, `mysql_servers=({address="a",port=1})mysql_users=({username="\x41" "b"})`)
}

func FuzzNginx(f *testing.F) {
	fuzz(f, Nginx, "stream{upstream a{server b:1 weight=2;}server{listen 1;proxy_pass a;}}")
}

func FuzzJDBC(f *testing.F) {
	fuzz(f, JDBC, "jdbc:mysql:loadbalance://a:b@[(host=c,port=1),address=(host=d)(port=2)]/e?user=f&sslMode=REQUIRED", "jdbc:mysql+srv://a/b")
}

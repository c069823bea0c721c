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
	fuzz(f, HAProxy, "listen a\nbind :1\nserver a b:1 weight 2", "defaults d\nfrontend f from d\ndefault_backend b\nbackend b\nserver-template x 3 y:1",
		"frontend f\nmode tcp\nuse_backend b if x\nbackend b\noption httpchk\nhttp-check connect port 8 ssl addr c\ndefault-server send-proxy-v2 backup\nserver-template x 3 _a._tcp.b no-send-proxy-v2\nserver y z:9030 check addr q port 9 no-backup\nserver w _a._tcp.c disabled\nmaxconn 9")
}

func FuzzProxySQL(f *testing.F) {
	fuzz(f, ProxySQL, `mysql_servers=({address="a",port=1})mysql_users=({username="\x41" "b"})`,
		`mysql_servers=({address="a",port=1,use_ssl=1,weight=0,gtid_port=1})mysql_users=({username="a",password="b",use_ssl=1,backend=0,x=1})`)
}

func FuzzNginx(f *testing.F) {
	fuzz(f, Nginx, "stream{upstream a{server b:1 weight=2;}server{listen 1;proxy_pass a;}}",
		"stream{upstream a{server b service=_x._tcp resolve weight=2 backup;server c:1 resolve down;}server{proxy_protocol on;listen 1;proxy_pass a;}server{listen 2 udp;}}")
}

func FuzzJDBC(f *testing.F) {
	fuzz(f, JDBC, "jdbc:mysql:loadbalance://a:b@[(host=c,port=1),address=(host=d)(port=2)]/e?user=f&sslMode=REQUIRED", "jdbc:mysql+srv://a/b",
		"jdbc:aws-wrapper:mysql:replication://u:p@[a:1,(host=b,user=c,password=d,x=e)],f@g,[::1]/d?useSSL=true&verifyServerCertificate=true&wrapperPlugins=x#y")
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is printed is a configuration, and passwords are nowhere but in it.
func TestImport(t *testing.T) {
	for _, c := range []struct{ name, text, want, remarks string }{
		{"haproxy.cfg", "listen db\n bind :3307\n mode tcp\n balance source\n server a a.example:3306\n", "address: a.example:3306", "haproxy.cfg: 2 remarks, at its top"},
		{"proxysql.cnf", `mysql_servers=({address="a", port=3306}) mysql_users=({username="u", password="hidden-word"})`, `password: "hidden-word"`, "proxysql.cnf: 3 remarks"},
		{"nginx.conf", "stream { server { listen 3307; proxy_pass a.example:9030; } }", "flavor: starrocks", ""},
		{"url.txt", "jdbc:mysql:loadbalance://u:hidden-word@[a:4000,b:4000]/d\n", "flavor: tidb", "URL: 2 remarks"},
	} {
		path := filepath.Join(t.TempDir(), c.name)
		writeFile(t, path, c.text)
		got := segue(t, nil, "import", path)
		if got.code != 0 || !strings.Contains(got.stdout, c.want) || !strings.Contains(got.stderr, c.remarks) || strings.Contains(got.stderr, "hidden-word") {
			t.Errorf("%s: exit %d\n%s\n%s", c.name, got.code, got.stdout, got.stderr)
		}
		made := filepath.Join(t.TempDir(), "segue.yaml")
		writeFile(t, made, got.stdout)
		if got := segue(t, nil, "validate", made); got.code != 0 {
			t.Errorf("%s: %s", c.name, got.stderr)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	writeFile(t, path, "listen a\n mode tcp\n server a ${HOST}:3306\n")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{path}, exitUsage, path + ":3: the address of a server is of a template or of a variable; import what HAProxy really reads"},
		{[]string{path, "--from", "nginx"}, exitUsage, "x:1: what begins here does not end; correct it"},
		{[]string{path, "--from", "envoy"}, exitUsage, `unknown kind "envoy"; --from is one of haproxy, proxysql, nginx, jdbc`},
		{[]string{path, "--flavor", "oracle"}, exitUsage, "--flavor: "},
		{[]string{"https://example.org/haproxy.cfg"}, exitUsage, "nothing is fetched; name a file"},
		{[]string{"jdbc:mysql://u:hidden-word@a b/"}, exitUsage, "URL: host 1 of the URL is no address"},
		{[]string{"-"}, exitUsage, "there is no standard input"},
		{[]string{filepath.Join(t.TempDir(), "none")}, exitUsage, "none: no such file or directory; name the file of HAProxy"},
	} {
		got := segue(t, nil, append([]string{"import"}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.stderr, c.want) || got.stdout != "" || strings.Contains(got.stderr, "hidden-word") {
			t.Errorf("%v: exit %d, want %d\n%s%s", c.args, got.code, c.code, got.stdout, got.stderr)
		}
	}
}

func TestImportStandardInput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	writeFile(t, path, "listen a\n mode tcp\n server a a:3306\n")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out, errs strings.Builder
	w := &world{stdin: f, stdout: &out, stderr: &errs, getenv: getenv(nil), etc: "x"}
	if code := w.run(t.Context(), []string{"import", "-"}); code != 0 || !strings.Contains(out.String(), "(standard input:1)") {
		t.Errorf("exit %d\n%s%s", code, out.String(), errs.String())
	}
}

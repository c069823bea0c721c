package measure

import (
	"slices"
	"strings"
	"testing"
)

// secret is part of each password here, and of nothing else.
const secret = "s3cr3t"

func TestParseDSN(t *testing.T) {
	for _, test := range []struct{ dsn, want string }{ // want: of the error; "" none
		{"root:s3cr3t@tcp(127.0.0.1:9030)/", ""},
		{"root:s3@cr3t/x@tcp(db.example:3306)/shop?tls=skip-verify", ""},
		{"root@tcp([::1]:3306)/shop", ""},
		{"root:s3cr3t@tcp(db)/", ""}, // the driver's default port
		{"", "no endpoint: name one with --dsn 'USER:PASSWORD@tcp(HOST:PORT)/DATABASE' or $SEGUE_BENCH_DSN"},
		{"root:s3cr3t@tcp(127.0.0.1:9030)", "has no / before the database, which may be empty; did you mean 'root:…@tcp(127.0.0.1:9030)/'?"},
		{"root:s3cr3t@127.0.0.1:9030/", "has no tcp(…) around the address; did you mean 'root:…@tcp(127.0.0.1:9030)/'?"},
		{"root:s3cr3t@127.0.0.1:9030", "has no / before the database"},
		{"root:s3cr3t@tcp(127.0.0.1:9030/", "has a ( without its )"},
		{"mysql://root:s3cr3t@db:3307/shop", "is a URL; did you mean 'root:…@tcp(db:3307)/shop'?"},
		{"mysql://root@db/shop", "did you mean 'root@tcp(db:3306)/shop'?"},
		{"root:s3cr3t@unix(/tmp/mysql.sock)/", "network is not tcp"},
		{"tcp(127.0.0.1:9030)/", "names no user"},
		{"root:s3cr3t@tcp(db:1)/x?tls=s3cr3t", "one of its parameters is wrong"},
		{"root:a/s3cr3t:1", "it is no DSN"},
		{"s3cr3t", "write USER:PASSWORD@tcp(HOST:PORT)/DATABASE"},
	} {
		cfg, err := ParseDSN(test.dsn)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.dsn, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error shows the password: %v", test.dsn, err)
		}
		if err == nil && cfg.User != "root" {
			t.Errorf("%s: user %q", test.dsn, cfg.User)
		}
	}
}

func TestRedact(t *testing.T) {
	for dsn, want := range map[string]string{
		"root:s3cr3t@tcp(db:3306)/shop?tls=true": "root:…@tcp(db:3306)/shop",
		"root:s3@cr3t@tcp(db:3306)/":             "root:…@tcp(db:3306)/",
		"root@tcp(db:3306)/":                     "root@tcp(db:3306)/",
		"s3cr3t":                                 "…",
		"root:s3cr3t@tcp(db:3306)":               "…",
	} {
		if got := Redact(dsn); got != want {
			t.Errorf("Redact(%q) = %q, want %q", dsn, got, want)
		}
	}
	got := RedactArgs([]string{"bench", "--dsn", "u:s3cr3t@tcp(h:1)/", "--member=u:s3cr3t@tcp(h:2)/", "--dsn=s3cr3t", "--long", "64"})
	want := []string{"bench", "--dsn", "u:…@tcp(h:1)/", "--member=u:…@tcp(h:2)/", "--dsn=…", "--long", "64"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// No text makes the parser panic, or show what stands between the first colon and
// the last @, unless that is elsewhere too.
func FuzzParseDSN(f *testing.F) {
	for _, dsn := range []string{"root:s3cr3t@tcp(127.0.0.1:9030)/", "mysql://u:p@h/d", "u:p@h:1/", "u:p@tcp(h:1", "u:p@x(y)/z?a=b", "://", "@/", "u:p@tcp(h:1)", ":?x(y)/z@", "(:0000)/0@", "u:s3c(x:1)/ret@h"} {
		f.Add(dsn)
	}
	f.Fuzz(func(t *testing.T, dsn string) {
		shown := Redact(dsn)
		cfg, err := ParseDSN(dsn)
		if err != nil {
			shown += err.Error()
		}
		colon, at := strings.IndexByte(dsn, ':'), strings.LastIndexByte(dsn, '@')
		if colon < 0 || at <= colon {
			return
		}
		password := dsn[colon+1 : at]
		rest := dsn[:colon] + dsn[at:] + dsnForm
		if len(password) > 6 && strings.Contains(shown, password) && !strings.Contains(rest, password) && (cfg == nil || !strings.Contains(cfg.Addr+cfg.User, password)) {
			t.Errorf("%q shows the password: %q", dsn, shown)
		}
	})
}

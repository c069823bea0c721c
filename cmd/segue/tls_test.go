package main

import (
	"crypto/tls"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"segue/backend/fesim"
	"segue/backend/secure/securetest"
)

// put writes a pair to files of the folder.
func putPair(t *testing.T, folder, name string, p securetest.Pair) (cert, key string) {
	t.Helper()
	cert, key = filepath.Join(folder, name+".crt"), filepath.Join(folder, name+".key")
	for path, data := range map[string][]byte{cert: p.Cert, key: p.Key} {
		if err := os.WriteFile(path+".new", data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// Segue speaks TLS with applications and with those who steer it; a certificate of an operator's is as good as a token; what is renewed is shown to who comes next.
func TestServeTLS(t *testing.T) {
	dir := t.TempDir()
	ca := securetest.New(t, "test")
	caFile := filepath.Join(dir, "ca.crt")
	writeFile(t, caFile, string(ca.PEM()))
	putPair(t, dir, "tls", ca.Issue(t, securetest.Leaf{Names: []string{"127.0.0.1", "localhost"}}))
	mine, mineKey := putPair(t, dir, "operator", ca.Issue(t, securetest.Leaf{CommonName: "operator"}))
	fe := frontends(t, 1, fesim.Options{})[0]
	config := filepath.Join(dir, "segue.yaml")
	writeFile(t, config, "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\ntls: {mode: required, cert_file: tls.crt, key_file: tls.key}\n"+
		"admin_tls: {cert_file: tls.crt, key_file: tls.key, client_ca_file: ca.crt}\nbackends: [{name: fe-1, address: '"+fe.MySQLAddress()+"', health: '"+fe.HealthURL()+"'}]\n")
	p := start(t, nil, "serve", "--config", config)
	api := p.prints(`admin: https://(\S+)/`)
	addr := p.prints(`listens on (\S+),`)
	ask := func(args ...string) outcome { return segue(t, []string{"SEGUE_ADMIN=https://" + api}, args...) }

	if o := ask("backends", "--admin-ca", caFile); o.code != 0 || !strings.Contains(o.stdout, "fe-1") {
		t.Fatalf("%d %s%s", o.code, o.stdout, o.stderr)
	}
	if o := ask("backends"); o.code == 0 || !strings.Contains(o.stderr, "unknown authority") {
		t.Errorf("whoever answers is believed: %d %s", o.code, o.stderr)
	}
	if o := segue(t, nil, "backends", "--admin", api); o.code == 0 || !strings.Contains(o.stderr, "https://"+api) {
		t.Errorf("no word of https: %d %s", o.code, o.stderr)
	}
	if o := ask("maint", "fe-1", "--force", "--admin-ca", caFile); o.code == 0 || !strings.Contains(o.stderr, "admin_tls.client_ca_file") {
		t.Errorf("a stranger may steer: %d %s", o.code, o.stderr)
	}
	for _, command := range [][]string{{"maint", "fe-1", "--force"}, {"ready", "fe-1"}} {
		if o := ask(append(command, "--admin-ca", caFile, "--admin-cert", mine, "--admin-key", mineKey)...); o.code != 0 {
			t.Errorf("an operator may not steer: %d %s", o.code, o.stderr)
		}
	}

	query := func(dsn string) error {
		db, err := sql.Open("mysql", "root@tcp("+addr+")/test"+dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		return db.PingContext(t.Context())
	}
	eventually(t, "a session on TLS", func() bool { return query("?tls=skip-verify") == nil })
	if err := query(""); err == nil || !strings.Contains(err.Error(), "3159") {
		t.Errorf("without TLS: %v", err)
	}

	shown := func() string {
		conn, err := tls.Dial("tcp", api, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	before := shown()
	putPair(t, dir, "tls", ca.Issue(t, securetest.Leaf{Names: []string{"127.0.0.1"}}))
	eventually(t, "the new certificate", func() bool { return shown() != before })
	p.signal(os.Interrupt)
	if code := p.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

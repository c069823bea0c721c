package main

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"segue/backend/fesim"
)

func TestAdminHosts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		address, hostname string
		err               error
		want              []string
	}{
		{"127.0.0.1:9131", "web1", nil, []string{"127.0.0.1", "web1", "web1"}},
		{"segue.example:9131", "web1.corp.example", nil, []string{"segue.example", "web1.corp.example", "web1"}},
		{":9131", "", nil, nil},
		{"unix:/run/segue/admin.sock", "", nil, nil},
		{":9131", "web1", errors.New("none"), nil},
	} {
		if got := adminHosts(test.address, func() (string, error) { return test.hostname, test.err }); !slices.Equal(got, test.want) {
			t.Errorf("%s on %s: %v, want %v", test.address, test.hostname, got, test.want)
		}
	}
}

// ask sends a request to the admin API and returns the code of the answer.
func ask(t *testing.T, method, api, path, host, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+api+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// Who may steer follows from the address, the token and what is said in so many words; it is said at the start, and by validate.
func TestWhoMaySteer(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	secret := filepath.Join(t.TempDir(), "token")
	writeFile(t, secret, "t0ken\n")
	const ready = "/api/v1/backends/fe-1/ready"
	for name, test := range map[string]struct {
		address, more      string
		said               string // at the start and by validate
		warned             bool
		bare, token, wrong int // the code for a change without a token, with the right and with a wrong one
		read               int // … for a listing without a token
	}{
		"loopback":                 {"127.0.0.1:0", "", "whoever is on this machine may drain", false, 200, 200, 200, 200},
		"beyond":                   {"0.0.0.0:0", "", "nobody may drain", false, 403, 403, 403, 200},
		"beyond, in so many words": {"0.0.0.0:0", "admin_write: anyone\n", "whoever can reach the admin address may drain", true, 200, 200, 200, 200},
		"loopback, token":          {"127.0.0.1:0", "admin_token_file: " + secret + "\n", "who shows the token", false, 401, 200, 401, 200},
		"beyond, token":            {"0.0.0.0:0", "admin_token_file: " + secret + "\n", "who shows the token", false, 401, 200, 401, 200},
		"token for all":            {"0.0.0.0:0", "admin_read: token\nadmin_token_file: " + secret + "\n", "who shows the token", false, 401, 200, 401, 401},
		"token, changes open":      {"127.0.0.1:0", "admin_write: anyone\nadmin_read: token\nadmin_token_file: " + secret + "\n", "whoever is on this machine may drain", false, 200, 200, 200, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := configFile(t, configuration(fes, test.more))
			p := start(t, nil, "serve", "--config", path, "--listen", "127.0.0.1:0", "--admin", test.address)
			api := p.prints(`admin: http://(\S+)/`)
			if !strings.Contains(p.stdout.String(), test.said) || !strings.Contains(p.stderr.String(), test.said) {
				t.Errorf("not said: %s", test.said)
			}
			if warned := strings.Contains(p.stderr.String(), `"level":"WARN","msg":"who may steer`); warned != test.warned {
				t.Errorf("warned: %v", warned)
			}
			checked := configFile(t, configuration(fes, test.more+"admin: "+strings.Replace(test.address, ":0", ":9131", 1)+"\n"))
			if got := segue(t, nil, "validate", checked); got.code != 0 || !strings.Contains(got.stdout, test.said) {
				t.Errorf("validate: %d %s", got.code, got.stdout)
			}
			for token, want := range map[string]int{"": test.bare, "t0ken": test.token, "t0kem": test.wrong, "t0ken0": test.wrong} {
				if got := ask(t, "POST", api, ready, "localhost", token); got != want {
					t.Errorf("a change with token %q: %d, want %d", token, got, want)
				}
			}
			for path, want := range map[string]int{"/api/v1/sessions": test.read, "/metrics": test.read, "/livez": 200, "/": 200} {
				if got := ask(t, "GET", api, path, "localhost", ""); got != want {
					t.Errorf("%s: %d, want %d", path, got, want)
				}
			}
			if got := segue(t, []string{"SEGUE_ADMIN=" + api}, "ready", "fe-1", "--token-file", secret); (got.code == 0) != (test.token == 200) {
				t.Errorf("--token-file: exit %d %s", got.code, got.stderr)
			}
			if got := segue(t, []string{"SEGUE_ADMIN=" + api, "SEGUE_TOKEN_FILE=" + secret}, "maint", "fe-1", "--force"); (got.code == 0) != (test.token == 200) {
				t.Errorf("SEGUE_TOKEN_FILE: exit %d %s", got.code, got.stderr)
			}
			if got := segue(t, []string{"SEGUE_ADMIN=" + api}, "ready", "fe-1"); (got.code == 0) != (test.bare == 200) {
				t.Errorf("without a token: exit %d %s", got.code, got.stderr)
			}
			for _, text := range []string{p.stdout.String(), p.stderr.String()} {
				if strings.Contains(text, "t0ke") {
					t.Error("a token has been printed")
				}
			}
		})
	}
}

// The token, who may read, and the names follow a reload.
func TestAccessFollowsAReload(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	secret := filepath.Join(t.TempDir(), "token")
	writeFile(t, secret, "first\n")
	path := configFile(t, configuration(fes, "admin_token_file: "+secret+"\n"))
	s := serve(t, nil, "--config", path)
	const ready = "/api/v1/backends/fe-1/ready"
	if got := ask(t, "POST", s.api, ready, "localhost", "first"); got != 200 {
		t.Fatal(got)
	}
	writeFile(t, secret, "second\n")
	eventually(t, "the new token counts", func() bool { return ask(t, "POST", s.api, ready, "localhost", "second") == 200 })
	if got := ask(t, "POST", s.api, ready, "localhost", "first"); got != 401 {
		t.Errorf("the old one: %d", got)
	}
	if got := ask(t, "GET", s.api, "/api/v1/backends", "segue.example", ""); got != 403 {
		t.Errorf("another name: %d", got)
	}
	writeFile(t, path, configuration(fes, "admin_hosts: [segue.example]\n"))
	eventually(t, "the name counts", func() bool { return ask(t, "GET", s.api, "/api/v1/backends", "segue.example:9131", "") == 200 })
	if got := ask(t, "POST", s.api, ready, "localhost", ""); got != 200 {
		t.Errorf("without a token: %d", got)
	}
}

// The admin API on a socket: its file says who may, and it passes to the next Segue.
func TestAdminOnASocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "segue") //nolint:usetesting // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	api := "unix:" + filepath.Join(dir, "admin.sock")
	fes := frontends(t, 1, fesim.Options{})
	addr := deadAddress(t)
	for more, want := range map[string]os.FileMode{"": 0o600, "admin_group: 0\n": 0o660, "admin_mode: 0640\nadmin_group: root\n": 0o640} {
		path := configFile(t, configuration(fes, "listen: "+addr+"\nadmin: "+api+"\n"+more))
		s := takeOverFrom(t, path, addr, api)
		info, err := os.Lstat(filepath.Join(dir, "admin.sock"))
		if err != nil || info.Mode() != os.ModeSocket|want {
			t.Errorf("%s: %v, %v", more, info, err)
		}
		for _, command := range []string{"status", "backends", "sessions", "maint fe-1 --force", "ready fe-1"} {
			if got := segue(t, nil, append(strings.Fields(command), "--admin", api)...); got.code != 0 {
				t.Errorf("%s: exit %d %s", command, got.code, got.stderr)
			}
		}
		if got := segue(t, []string{"SEGUE_CONFIG=" + path}, "status"); got.code != 0 {
			t.Errorf("by the file: exit %d %s", got.code, got.stderr)
		}
		next := takeOverFrom(t, path, addr, api)
		if code := s.wait(); code != 0 {
			t.Errorf("the one before: exit %d", code)
		}
		if got := segue(t, nil, "status", "--admin", api); got.code != 0 {
			t.Errorf("after a takeover: exit %d %s", got.code, got.stderr)
		}
		next.signal(syscall.SIGTERM)
		if code := next.wait(); code != 0 {
			t.Errorf("exit %d", code)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	if got := segue(t, nil, "status", "--admin", api); got.code != exitFailed || !strings.Contains(got.stderr, "no such file") || !strings.Contains(got.stderr, "is Segue running there?") {
		t.Errorf("nobody there: exit %d %s", got.code, got.stderr)
	}
	if got := segue(t, nil, "status", "--admin", "unix:admin.sock"); got.code != exitUsage {
		t.Errorf("no whole path: exit %d %s", got.code, got.stderr)
	}
}

package main

import (
	"os"
	"strings"
	"testing"

	"segue/backend/fesim"
)

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	file := configFile(t, configuration(fes, ""))
	s := serve(t, nil, "--config", file)
	s.ready()
	for _, question := range []string{"live", "ready"} {
		if got := s.segue("healthcheck", question); got.code != exitDone || got.stdout != question+"\n" {
			t.Errorf("%s: exit %d\n%s%s", question, got.code, got.stdout, got.stderr)
		}
	}
	if got := s.segue("healthcheck"); got.code != exitDone || got.stdout != "live\n" {
		t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if got := s.segue("wait", "--backend"); got.code != exitDone {
		t.Errorf("wait: exit %d\n%s", got.code, got.stderr)
	}
	if got := s.segue("healthcheck", "alive"); got.code != exitUsage || !strings.Contains(got.stderr, "live, which is the default, or ready") {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	// A file that has got a problem changes nothing for the process that runs, and so nothing for who asks it.
	broken := configFile(t, "admin: "+s.api+"\nbackendz: [\n\n")
	for _, text := range []string{"admin: " + s.api + "\nbackendz: 1\n", "backends: [a]\nadmin: " + s.api + "\n"} {
		if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"healthcheck"}, {"healthcheck", "ready"}, {"wait"}} {
			if got := segue(t, []string{"SEGUE_CONFIG=" + broken}, args...); got.code != exitDone {
				t.Errorf("%v with\n%s\nexit %d\n%s", args, text, got.code, got.stderr)
			}
		}
	}
}

func TestHealthcheckOfNone(t *testing.T) {
	t.Parallel()
	nobody := deadAddress(t)
	for _, args := range [][]string{{"healthcheck"}, {"healthcheck", "ready"}, {"wait", "--timeout", "300ms"}} {
		got := segue(t, []string{"SEGUE_ADMIN=" + nobody}, args...)
		if got.code != exitFailed || !strings.Contains(got.stderr, nobody) || !strings.Contains(got.stderr, "refused") {
			t.Errorf("%v: exit %d\n%s", args, got.code, got.stderr)
		}
	}
}

// It is started before Segue, and before the backend.
func TestWait(t *testing.T) {
	t.Parallel()
	api := deadAddress(t)
	live, usable := start(t, []string{"SEGUE_ADMIN=" + api}, "wait", "--timeout", "5m"), start(t, []string{"SEGUE_ADMIN=" + api}, "wait", "--backend", "--timeout", "5m")
	fes := frontends(t, 1, fesim.Options{})
	fes[0].Kill()
	<-fes[0].Exited()
	file := configFile(t, configuration(fes, ""))
	start(t, nil, "serve", "--listen", "127.0.0.1:0", "--admin", api, "--config", file)
	if code := live.wait(); code != exitDone {
		t.Errorf("exit %d\n%s", code, live.stderr)
	}
	if got := segue(t, []string{"SEGUE_ADMIN=" + api}, "wait", "--backend", "--timeout", "300ms"); got.code != exitFailed || !strings.Contains(got.stderr, "no backend is usable (0 of 1)") {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	select {
	case <-usable.exited:
		t.Errorf("without a backend: exit %d\n%s", usable.code, usable.stderr)
	default:
	}
	if err := fes[0].Start(); err != nil {
		t.Fatal(err)
	}
	if code := usable.wait(); code != exitDone {
		t.Errorf("exit %d\n%s", code, usable.stderr)
	}
}

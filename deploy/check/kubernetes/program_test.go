package kubernetes

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// The commands and flags that containers and their probes are given are the program's.
func TestProgramHasWhatIsCalled(t *testing.T) {
	program := filepath.Join(t.TempDir(), "segue")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/segue")
	build.Dir = filepath.Join(deploy, "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	called := calledBy(t)
	for _, want := range []string{"serve", "wait", "healthcheck", "healthcheck ready"} {
		found := false
		for args := range called {
			found = found || strings.HasPrefix(args, want)
		}
		if !found {
			t.Errorf("nothing calls %s", want)
		}
	}
	for args, what := range called {
		list := strings.Fields(args)
		out, err := exec.CommandContext(t.Context(), program, append(list, "--help")...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "\n  segue "+list[0]) {
			t.Errorf("%s: segue %s: %v\n%s", what, args, err, out)
		}
	}
}

// calledBy is what the program is called with, and by what.
func calledBy(t *testing.T) map[string]string {
	t.Helper()
	var all []object
	for _, folder := range kustomizations {
		all = append(all, build(t, filepath.Join(deploy, "kubernetes", folder))...)
	}
	all = append(all, build(t, overlay(t, "sidecar-ordinary", "deployment.yaml"))...)
	for path := range sets {
		all = append(all, rendered(t, path)...)
	}
	called := map[string]string{}
	for _, o := range all {
		p := pod(o)
		if p == nil {
			continue
		}
		for _, c := range append(p.Spec.InitContainers, p.Spec.Containers...) {
			if c.Name != "segue" {
				continue
			}
			called[strings.Join(c.Args, " ")] = o.String()
			for _, e := range commands(c) {
				if e.Command[0] != "/segue" {
					t.Errorf("%s: calls %v, and there is nothing but /segue in the image", o, e.Command)
				}
				called[strings.Join(e.Command[1:], " ")] = o.String()
			}
		}
	}
	return called
}

// commands are those that the kubelet runs in a container.
func commands(c corev1.Container) (all []*corev1.ExecAction) {
	for _, p := range []*corev1.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
		if p != nil && p.Exec != nil {
			all = append(all, p.Exec)
		}
	}
	if l := c.Lifecycle; l != nil && l.PostStart != nil && l.PostStart.Exec != nil {
		all = append(all, l.PostStart.Exec)
	}
	return all
}

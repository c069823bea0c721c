package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// container is what a kubelet is told of one in deploy/kubernetes.
type container struct {
	Name      string
	Args      []string
	Lifecycle struct {
		PostStart probe `yaml:"postStart"`
	}
	Startup   probe `yaml:"startupProbe"`
	Readiness probe `yaml:"readinessProbe"`
	Liveness  probe `yaml:"livenessProbe"`
}

// probe is a command that a kubelet runs in a container.
type probe struct{ Exec struct{ Command []string } }

// sidecarOf reads the container of a component.
func sidecarOf(t *testing.T, component string) container {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "kubernetes", component, "pod.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Spec struct {
			Template struct {
				Spec struct {
					InitContainers []container `yaml:"initContainers"`
					Containers     []container
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	all := append(m.Spec.Template.Spec.InitContainers, m.Spec.Template.Spec.Containers...)
	if len(all) != 1 || all[0].Name != "segue" || len(all[0].Startup.Exec.Command) == 0 || len(all[0].Readiness.Exec.Command) == 0 || len(all[0].Liveness.Exec.Command) == 0 {
		t.Fatalf("%s: %+v", component, all)
	}
	return all[0]
}

// asks runs a probe as the manifest has it, at the port that the pod has in place of 9131.
func (p *pod) asks(id string, probe probe) (bool, string) {
	p.t.Helper()
	command := probe.Exec.Command
	if command[0] != "/segue" {
		p.t.Fatalf("there is no %s in the image", command[0])
	}
	return p.probe(id, strings.Split(strings.ReplaceAll(strings.Join(command[1:], "\x00"), "127.0.0.1:9131", p.admin), "\x00")...)
}

// withSecret has the password in a Secret's file, as everything in deploy/kubernetes has it.
func (p *pod) withSecret() {
	p.t.Helper()
	p.secrets = filepath.Join(p.dir, "secrets")
	path := filepath.Join(p.config, "segue.yaml")
	text, err := os.ReadFile(path)
	changed := strings.Replace(string(text), "password: secret", "password_file: /run/secrets/segue/app", 1)
	err = errors.Join(err, os.WriteFile(path, []byte(changed), 0o600), os.Mkdir(p.secrets, 0o755), os.WriteFile(filepath.Join(p.secrets, "app"), []byte("secret\n"), 0o444))
	if err != nil || changed == string(text) {
		p.t.Fatalf("%v\n%s", err, text)
	}
}

// grace is how long Kubernetes gives a pod by default: then it kills what is left.
const grace = 30 * time.Second

// What the components of deploy/kubernetes say is run as they say it: arguments, probes, what waits behind the start, the order of SIGTERMs, and SIGKILL behind the grace.
func TestPodOfTheManifests(t *testing.T) {
	for _, component := range []string{"sidecar", "sidecar-ordinary"} {
		t.Run(component, func(t *testing.T) {
			c := sidecarOf(t, component)
			p := newPod(t)
			p.withSecret()
			p.server()
			segue, id := p.run(nil, append([]string{"/segue"}, c.Args...)...)
			eventually(t, "the startup probe", func() bool { ok, _ := p.asks(id, c.Startup); return ok })
			if len(c.Lifecycle.PostStart.Exec.Command) > 0 {
				if ok, out := p.asks(id, c.Lifecycle.PostStart); !ok {
					t.Errorf("postStart: %s", out)
				}
			}
			eventually(t, "the readiness probe", func() bool { ok, _ := p.asks(id, c.Readiness); return ok })
			if ok, out := p.asks(id, c.Liveness); !ok {
				t.Errorf("liveness: %s", out)
			}
			app := p.application(keeps + "=1")
			_ = app.cmd.Process.Signal(syscall.SIGTERM)
			kill := time.AfterFunc(grace, func() { _ = p.runc("kill", id, "KILL").Run() })
			defer kill.Stop()
			if component == "sidecar-ordinary" { // all are told at once
				p.terminate(id)
			}
			if r := app.result(); len(r.Errors) > 0 || r.Asked == 0 {
				t.Errorf("the application: %+v", r)
			}
			if component == "sidecar" {
				p.terminate(id)
			}
			if code := segue.wait(); code != 0 {
				t.Errorf("exit %d", code)
			}
			if segue.ended.Before(app.ended) {
				t.Errorf("Segue ended %s before the application", app.ended.Sub(segue.ended))
			}
		})
	}
}

package kubernetes

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// kustomizations are those that users render, by their folders under deploy/kubernetes.
var kustomizations = []string{"examples/sidecar", "examples/starrocks-operator"}

// build renders one as `kubectl kustomize` does.
func build(t *testing.T, folder string) []object {
	t.Helper()
	out, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatalf("kubectl kustomize %s: %v", folder, err)
	}
	text, err := out.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, folder, text)
}

// overlay is a kustomization with the workloads of examples/sidecar and another component.
func overlay(t *testing.T, component string, resources ...string) string {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	place := func(parts ...string) string {
		to, err := filepath.Abs(filepath.Join(append([]string{deploy, "kubernetes"}, parts...)...))
		if err != nil {
			t.Fatal(err)
		}
		to, err = filepath.Rel(folder, to)
		if err != nil {
			t.Fatal(err)
		}
		return to
	}
	text := "resources:\n"
	for _, r := range resources {
		from, err := os.ReadFile(filepath.Join(deploy, "kubernetes", "examples/sidecar", r))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(folder, r), string(from))
		text += "- " + r + "\n"
	}
	write(t, filepath.Join(folder, "kustomization.yaml"), text+"components:\n- "+place(component)+"\n")
	return folder
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// pod is the template of what makes pods; nil: it makes none.
func pod(o object) *corev1.PodTemplateSpec {
	switch w := o.typed.(type) {
	case *appsv1.Deployment:
		return &w.Spec.Template
	case *appsv1.StatefulSet:
		return &w.Spec.Template
	case *appsv1.DaemonSet:
		return &w.Spec.Template
	case *batchv1.Job:
		return &w.Spec.Template
	case *batchv1.CronJob:
		return &w.Spec.JobTemplate.Spec.Template
	}
	return nil
}

// named is the container called segue, and its place.
func named(list []corev1.Container) (int, *corev1.Container) {
	i := slices.IndexFunc(list, func(c corev1.Container) bool { return c.Name == "segue" })
	if i < 0 {
		return i, nil
	}
	return i, &list[i]
}

// The component puts the sidecar ahead of all other init containers of everything that makes pods, takes nothing away, and leaves alone what says so.
func TestSidecarIsInEveryWorkload(t *testing.T) {
	seen := map[string]bool{}
	for _, folder := range kustomizations {
		for _, o := range build(t, filepath.Join(deploy, "kubernetes", folder)) {
			p := pod(o)
			if p == nil {
				continue
			}
			i, c := named(p.Spec.InitContainers)
			if o.meta.GetLabels()["segue"] == "off" {
				if c != nil || len(p.Spec.Volumes) > 0 {
					t.Errorf("%s: is given what it does not want", o)
				}
				seen["off"] = true
				continue
			}
			seen[o.gvk.Kind] = true
			if c == nil || i != 0 {
				t.Errorf("%s: no sidecar ahead of the others", o)
				continue
			}
			if c.Image != "registry.example/segue:1.0.0" {
				t.Errorf("%s: the image is %s", o, c.Image)
			}
			if len(p.Spec.Containers) != 1 || p.Spec.Containers[0].Name == "segue" {
				t.Errorf("%s: containers %v", o, p.Spec.Containers)
			}
			checkSidecar(t, o.String(), p, c, true)
		}
	}
	for _, kind := range []string{"Deployment", "StatefulSet", "Job", "CronJob", "off"} {
		if !seen[kind] {
			t.Errorf("no example has %s", kind)
		}
	}
}

// checkSidecar checks what every sidecar has.
func checkSidecar(t *testing.T, what string, p *corev1.PodTemplateSpec, c *corev1.Container, native bool) {
	t.Helper()
	if always := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways; always != native {
		t.Errorf("%s: restartPolicy %v", what, c.RestartPolicy)
	}
	secured(t, what, nil, c)
	for _, m := range c.VolumeMounts {
		if !m.ReadOnly || !slices.ContainsFunc(p.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }) {
			t.Errorf("%s: mounts %v, volumes %v", what, m, p.Spec.Volumes)
		}
	}
	// Where a changed file is to have Segue listen after a restart is not where it listens now: probes that went by the file would bring about the restart.
	live := []string{"/segue", "healthcheck", "--admin", "127.0.0.1:9131"}
	ready := []string{"/segue", "healthcheck", "ready", "--admin", "127.0.0.1:9131"}
	for probe, want := range map[*corev1.Probe][]string{c.StartupProbe: live, c.LivenessProbe: live, c.ReadinessProbe: ready} {
		if probe == nil || probe.Exec == nil || !slices.Equal(probe.Exec.Command, want) {
			t.Errorf("%s: probe %v, want %v", what, probe, want)
		}
	}
}

// secured checks that a container may do no more than it must: the strictest of Kubernetes' own profiles, and no writing.
func secured(t *testing.T, what string, p *corev1.PodSecurityContext, c *corev1.Container) {
	t.Helper()
	s := c.SecurityContext
	if s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation ||
		s.Capabilities == nil || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 {
		t.Errorf("%s: security context %v", what, s)
		return
	}
	nonRoot, user, profile := s.RunAsNonRoot, s.RunAsUser, s.SeccompProfile
	if p != nil {
		nonRoot, user, profile = p.RunAsNonRoot, p.RunAsUser, p.SeccompProfile
	}
	if nonRoot == nil || !*nonRoot || user == nil || *user != 65532 || profile == nil || profile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("%s: security context %v, %v", what, p, s)
	}
}

// The ordinary one is the first container, so that it is started first, is waited for, and goes on while the application ends; no Job is given it.
func TestOrdinarySidecar(t *testing.T) {
	folder := overlay(t, "sidecar-ordinary", "deployment.yaml", "statefulset.yaml", "job.yaml", "cronjob.yaml", "without.yaml")
	given := 0
	for _, o := range build(t, folder) {
		p := pod(o)
		i, c := named(p.Spec.Containers)
		if kind := o.gvk.Kind; kind == "Job" || kind == "CronJob" || o.meta.GetLabels()["segue"] == "off" {
			if c != nil {
				t.Errorf("%s: has a container that does not end", o)
			}
			continue
		}
		given++
		if c == nil || i != 0 || len(p.Spec.Containers) != 2 {
			t.Fatalf("%s: containers %v", o, p.Spec.Containers)
		}
		checkSidecar(t, o.String(), p, c, false)
		if h := c.Lifecycle; h == nil || h.PostStart == nil || h.PostStart.Exec == nil || !slices.Equal(h.PostStart.Exec.Command[:2], []string{"/segue", "wait"}) {
			t.Errorf("%s: nothing waits for it: %v", o, h)
		} else if s := c.StartupProbe; !slices.Contains(h.PostStart.Exec.Command, fmt.Sprintf("%ds", s.PeriodSeconds*s.FailureThreshold)) {
			t.Errorf("%s: what waits gives up before the startup probe: %v", o, h.PostStart.Exec.Command)
		}
		if args := strings.Join(c.Args, " "); !strings.Contains(args, "--shutdown-delay 5s --shutdown-wait-clients 20s") {
			t.Errorf("%s: stops at once: %s", o, args)
		}
	}
	if given != 2 {
		t.Errorf("given to %d", given)
	}
}

// What is written down more than once is the same: the component for pods and for CronJobs, the snippet, and, but for what makes it ordinary, the other component.
func TestSidecarsAreTheSame(t *testing.T) {
	one := func(name string) object {
		text, err := os.ReadFile(filepath.Join(deploy, "kubernetes", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range decode(t, name, text) {
			if pod(o) != nil {
				return o
			}
		}
		t.Fatalf("%s: nothing that makes pods", name)
		return object{}
	}
	want := pod(one("sidecar/pod.yaml"))
	for _, name := range []string{"sidecar/cronjob.yaml", "sidecar.yaml"} {
		got := pod(one(name))
		_, c := named(got.Spec.InitContainers)
		if c == nil {
			t.Fatalf("%s: no sidecar", name)
		}
		c = c.DeepCopy()
		if i := strings.Index(c.Image, ":"); i > 0 {
			c.Image = "segue"
		}
		if !reflect.DeepEqual(*c, want.Spec.InitContainers[0]) || !reflect.DeepEqual(got.Spec.Volumes, want.Spec.Volumes) {
			t.Errorf("%s: %s\n%s\nwant %s\n%s", name, shown(c), shown(got.Spec.Volumes), shown(want.Spec.InitContainers[0]), shown(want.Spec.Volumes))
		}
	}
	ordinary := pod(one("sidecar-ordinary/pod.yaml"))
	c := ordinary.Spec.Containers[0].DeepCopy()
	c.RestartPolicy = want.Spec.InitContainers[0].RestartPolicy
	c.Lifecycle = nil
	c.Args = c.Args[:len(want.Spec.InitContainers[0].Args)]
	if !reflect.DeepEqual(*c, want.Spec.InitContainers[0]) || !reflect.DeepEqual(ordinary.Spec.Volumes, want.Spec.Volumes) {
		t.Errorf("the ordinary one: %s\nwant %s", shown(c), shown(want.Spec.InitContainers[0]))
	}
}

func shown(o any) string {
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(text)
}

// A sidecar that cannot start is started again for ever, and no backoffLimit counts it: a Job of the example ends all the same.
func TestExampleJobsEnd(t *testing.T) {
	jobs := 0
	for _, o := range build(t, filepath.Join(deploy, "kubernetes/examples/sidecar")) {
		var spec batchv1.JobSpec
		switch j := o.typed.(type) {
		case *batchv1.Job:
			spec = j.Spec
		case *batchv1.CronJob:
			spec = j.Spec.JobTemplate.Spec
		default:
			continue
		}
		if jobs++; spec.ActiveDeadlineSeconds == nil {
			t.Errorf("%s: has no end", o)
		}
	}
	if jobs != 2 {
		t.Errorf("%d jobs", jobs)
	}
}

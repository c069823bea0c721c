package kubernetes

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/yaml"

	"segue/backend/discover/kube/kubetest"
)

// dryRun has the server do everything but keep what it is sent; what it does not know is an error.
const dryRun = "?dryRun=All&fieldValidation=Strict"

// TestKube sends everything that is installed to a real API server, which says whether it would take it: defaults, validation and admission included.
func TestKube(t *testing.T) {
	s := kubetest.Start(t)
	for _, name := range crds(t) {
		s.Define(t, yamlFile(t, name))
	}
	for _, name := range []string{"shop", "starrocks", namespace} {
		s.Post(t, "/api/v1/namespaces", kubetest.Object{"metadata": kubetest.Object{"name": name}})
	}
	s.Post(t, "/api/v1/namespaces", kubetest.Object{"metadata": kubetest.Object{
		"name": "restricted", "labels": kubetest.Object{"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"},
	}})
	t.Run("manifests", func(t *testing.T) {
		for _, path := range manifests(t) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if rel, _ := filepath.Rel(filepath.Join(deploy, "kubernetes"), path); strings.HasPrefix(rel, "sidecar/") || strings.HasPrefix(rel, "sidecar-ordinary/") {
				continue // patches
			}
			try(t, s, path, decode(t, path, text))
		}
	})
	t.Run("kustomizations", func(t *testing.T) {
		for _, folder := range kustomizations {
			try(t, s, folder, build(t, filepath.Join(deploy, "kubernetes", folder)))
		}
		try(t, s, "sidecar-ordinary", build(t, overlay(t, "sidecar-ordinary", "deployment.yaml", "statefulset.yaml")))
	})
	t.Run("chart", func(t *testing.T) {
		for path := range sets {
			try(t, s, path, rendered(t, path))
		}
	})
	t.Run("refused", func(t *testing.T) { refused(t, s) })
	t.Run("restricted", func(t *testing.T) { restricted(t, s) })
}

// crds are those of the operators' kinds, as far as they matter here.
func crds(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/crds/*.yaml")
	if err != nil || len(all) != 3 {
		t.Fatal(all, err)
	}
	return all
}

func yamlFile(t *testing.T, path string) (o kubetest.Object) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// try sends each object.
func try(t *testing.T, s *kubetest.Server, what string, all []object) {
	t.Helper()
	if len(all) == 0 {
		t.Errorf("%s: nothing", what)
	}
	for _, o := range all {
		plural, _ := meta.UnsafeGuessKindToResource(o.gvk)
		path := "/apis/" + o.gvk.GroupVersion().String()
		if o.gvk.Group == "" {
			path = "/api/v1"
		}
		ns := o.meta.GetNamespace()
		if ns == "" {
			ns = "default"
		}
		var sent kubetest.Object
		if err := json.Unmarshal(o.text, &sent); err != nil {
			t.Fatal(err)
		}
		if why := s.Refusal(t, path+"/namespaces/"+ns+"/"+plural.Resource+dryRun, sent); why != "" {
			t.Errorf("%s: %s: %s", what, o, why)
		}
	}
}

// refused: the server says no to what is wrong, so that its yes means something.
func refused(t *testing.T, s *kubetest.Server) {
	for what, want := range map[string]string{
		"/apis/apps/v1/namespaces/default/deployments {metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {initContainers: [{name: b, image: b, readinessProbe: {exec: {command: [b]}}}], containers: [{name: a, image: a}]}}}}": "spec.template.spec.initContainers[0].readinessProbe",
		"/apis/apps/v1/namespaces/default/deployments {metadata: {name: a}, spec: {selector: {matchLabels: {a: c}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: a}]}}}}":                                                                                "`selector` does not match template `labels`",
		"/apis/starrocks.com/v1/namespaces/default/starrocksclusters {apiVersion: starrocks.com/v1, kind: StarRocksCluster, metadata: {name: a}, spec: {starRocksFESpec: {}}}":                                                                                                          `unknown field "spec.starRocksFESpec"`,
		"/api/v1/namespaces/restricted/pods {metadata: {name: a}, spec: {containers: [{name: a, image: a}]}}":                                                                                                                                                                           `violates PodSecurity "restricted:latest"`,
	} {
		path, text, _ := strings.Cut(what, " ")
		var o kubetest.Object
		if err := yaml.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		if why := s.Refusal(t, path+dryRun, o); !strings.Contains(why, want) {
			t.Errorf("%s: %q, want %q", what, why, want)
		}
	}
}

// restricted: the gateway's pod, and the sidecar in a pod that is so itself, run where Kubernetes' strictest profile is enforced.
func restricted(t *testing.T, s *kubetest.Server) {
	const ns = "restricted"
	pods := map[string]corev1.PodSpec{}
	for path := range sets {
		for _, o := range rendered(t, path) {
			if p := pod(o); p != nil {
				pods[path] = p.Spec
			}
		}
	}
	for _, o := range build(t, filepath.Join(deploy, "kubernetes", kustomizations[0])) {
		if p := pod(o); p != nil && len(p.Spec.InitContainers) > 0 {
			spec := *p.Spec.DeepCopy()
			secure := spec.InitContainers[0].SecurityContext
			for i := range spec.Containers {
				spec.Containers[i].SecurityContext = secure
			}
			for i := range spec.InitContainers {
				spec.InitContainers[i].SecurityContext = secure
			}
			pods[o.String()] = spec
		}
	}
	if len(pods) != len(sets)+4 {
		t.Errorf("%d pods", len(pods))
	}
	for name, spec := range pods {
		spec.Volumes = withoutClaims(spec)
		text, err := json.Marshal(corev1.Pod{Spec: spec})
		if err != nil {
			t.Fatal(err)
		}
		var o kubetest.Object
		if err := json.Unmarshal(text, &o); err != nil {
			t.Fatal(err)
		}
		o["metadata"] = kubetest.Object{"name": "pod"}
		if why := s.Refusal(t, "/api/v1/namespaces/"+ns+"/pods"+dryRun, o); why != "" {
			t.Errorf("%s: %s", name, why)
		}
	}
}

// withoutClaims adds in their place what a StatefulSet's claims would be mounted as.
func withoutClaims(spec corev1.PodSpec) []corev1.Volume {
	all := spec.Volumes
	there := map[string]bool{}
	for _, v := range all {
		there[v.Name] = true
	}
	for _, c := range spec.Containers {
		for _, m := range c.VolumeMounts {
			if !there[m.Name] {
				there[m.Name] = true
				all = append(all, corev1.Volume{Name: m.Name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
			}
		}
	}
	return all
}

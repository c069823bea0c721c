package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestRolloutPodsUsage(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	server := []string{"--kube-server", "http://127.0.0.1:1", "--namespace", "n"}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"commands beside", []string{"--statefulset", "sr-fe", "--stop", "x"}, "--statefulset takes the place of --stop"},
		{"outside a pod", []string{"--statefulset", "sr-fe"}, "this is no pod"},
		{"one without an image", append(server, "--statefulset", "sr-be=be:2,sr-fe"), "give an image for each of them"},
		{"empty image", append(server, "--statefulset", "sr-be="), "give an image for each of them"},
		{"no name", append(server, "--statefulset", "SR"), `"SR" is no name of a StatefulSet`},
		{"mode", append(server, "--statefulset", "sr-fe=fe:2", "--update-strategy", "rolling"), `mode "rolling": want on-delete or partition`},
		{"owner", append(server, "--statefulset", "sr-fe=fe:2", "--image-in", "git"), `owner "git": want starrocks-cluster or elsewhere`},
		{"not the operator's", append(server, "--statefulset", "db=db:2", "--image-in", "starrocks-cluster"), "does not end in -fe, -be or -cn"},
		{"in the clear", []string{"--statefulset", "sr-fe", "--kube-server", "http://10.0.0.1", "--namespace", "n"}, "in the clear"},
	}
	for _, tt := range tests {
		args := append([]string{"rollout", "run", "127.0.0.1:1", "--state", filepath.Join(t.TempDir(), "s.json")}, tt.args...)
		if out := segue(t, nil, args...); out.code != 2 || !strings.Contains(out.stderr, tt.want) {
			t.Errorf("%s: code %d, %q, want 2 and %q", tt.name, out.code, out.stderr, tt.want)
		}
	}
}

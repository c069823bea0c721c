package main

import (
	"fmt"
	"strings"
	"testing"

	"segue/backend/fesim"
	"segue/config"
)

// foundOfLoads are the findings about loads, as verdict and cause.
func foundOfLoads(t *testing.T, cluster *fesim.Cluster, more string) (all []string) {
	t.Helper()
	c, err := config.Parse("c.yaml", []byte(configuration(cluster.FEs(), more)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range examine(t.Context(), c, "root") {
		if f.Check == checkLoads {
			if (f.Verdict == warning) != (f.Next != "") {
				t.Errorf("%+v", f)
			}
			all = append(all, f.Verdict+": "+f.Cause)
		}
	}
	return all
}

// It is said who may not ask, and which BEs cannot be reached from here, wherever they are said to be.
func TestCheckOfLoads(t *testing.T) {
	t.Parallel()
	cluster, _ := clusterOf(t, fesim.Options{Users: map[string]string{"root": "", "app": "a"}}, "")
	bes := webAddresses(t, cluster.BEs())
	dead := deadAddress(t)
	for _, c := range []struct {
		more string
		want []string // each stands in the finding in its place
	}{
		{"", nil},
		{"discover: {user: root}\nload: {listen: '127.0.0.1:0'}\n", []string{"passed: root may ask which BEs and CNs there are: 3", "passed: 3 of 3 BEs and CNs can be reached from here"}},
		{
			fmt.Sprintf("discover: {user: root}\nload: {listen: '127.0.0.1:0', addresses: {'%s': '%s'}}\n", bes[0], dead),
			[]string{"passed: root may ask", "passed: 2 of 3 BEs", "warning: " + bes[0] + " (here " + dead + ") cannot be reached from here: connection refused"},
		},
		{"health: {user: app, password: a}\nload: {listen: '127.0.0.1:0'}\n", []string{"warning: the cluster does not say which BEs and CNs it has, so that loads are sent to nobody: fe-"}},
		{
			fmt.Sprintf("health: {user: app, password: a}\nload: {listen: '127.0.0.1:0', nodes: ['%s', any-port]}\n", dead),
			[]string{"warning: the cluster does not say which BEs and CNs it has, so that loads go to load.nodes alone", "warning: 0 of 1 BEs", "warning: " + dead + " cannot be reached"},
		},
		{"load: {listen: '127.0.0.1:0'}\n", []string{"warning: no account may ask"}},
	} {
		got := foundOfLoads(t, cluster, c.more)
		if len(got) != len(c.want) {
			t.Errorf("%s: %q", c.more, got)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(got[i], want) {
				t.Errorf("%s: %q, want %q", c.more, got[i], want)
			}
		}
	}
}

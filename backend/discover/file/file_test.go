package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"segue/backend/discover"
	"segue/backend/discover/nodes"
)

func TestParse(t *testing.T) {
	got, err := Parse([]byte("# written by a program\n- 10.0.0.1:9030\n- {address: 'fe-2:9030', name: two, http: 'fe-2:8030', zone: a}\n"))
	want := []discover.Found{
		{Node: nodes.Node{Host: "10.0.0.1", Address: "10.0.0.1:9030", Tablets: -1, RunningQueries: -1}},
		{Node: nodes.Node{Host: "fe-2", Address: "fe-2:9030", HTTP: "fe-2:8030", Zone: "a", Tablets: -1, RunningQueries: -1}, Called: "two"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := Parse([]byte(`["a:1", {"address": "b:2"}]`)); err != nil || len(got) != 2 {
		t.Errorf("JSON: %+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"a: 1":                        "not a list",
		"- fe1":                       `line 1: "fe1" is not HOST:PORT`,
		"- a:1\n- a:99999":            "line 2",
		"- {addr: 'a:1'}":             "line 1: write HOST:PORT, or the keys",
		"- {address: 'a:1', http: x}": `"x" is not HOST:PORT`,
		"- [a]":                       "write HOST:PORT",
		"- \n":                        "is not HOST:PORT",
		"- &x a:1\n- *x":              "line 2",
	} {
		if got, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %s", text, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("- a:1\n- {address: 'b:2', name: x}\n"))
	f.Add([]byte("- &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := Parse(data)
		for _, n := range list {
			if err != nil || n.Address == "" {
				t.Errorf("%+v, %v", n, err)
			}
		}
	})
}

// The file is read again and again; one that is missing, or too long, is an error and no empty list.
func TestSource(t *testing.T) {
	s := &Source{Path: filepath.Join(t.TempDir(), "nodes.yaml")}
	told := make(chan discover.Answer)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Run(ctx, func(a discover.Answer) {
			select {
			case told <- a:
			case <-ctx.Done():
			}
		})
	}()
	if a := <-told; !errors.Is(a.Err, os.ErrNotExist) || a.Found != nil {
		t.Errorf("missing: %+v", a)
	}
	if err := os.WriteFile(s.Path, []byte("- a:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := <-told; a.Err != nil || len(a.Found) != 1 {
		t.Errorf("%+v", a)
	}
	if err := os.WriteFile(s.Path, []byte("# "+strings.Repeat("x", maxSize)), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := <-told; a.Err == nil {
		t.Errorf("too long: %+v", a)
	}
	cancel()
	<-ended
}

package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/cmd/internal/rollout"
)

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Load(); !errors.Is(err, ErrNone) {
		t.Errorf("an empty place: %v", err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "another `segue rollout` has it, or") {
		t.Errorf("a second one: %v", err)
	}
	s := &rollout.State{Version: rollout.StateVersion, Name: "x", Began: time.Now().Round(0), Current: "fe-1"}
	for range 2 {
		if err := f.Save(s); err != nil {
			t.Fatal(err)
		}
	}
	again, err := f.Load()
	if err != nil || again.Current != "fe-1" || !again.Began.Equal(s.Began) {
		t.Errorf("%+v, %v", again, err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if f, err = Open(path); err != nil {
		t.Errorf("once it is free: %v", err)
	}
	defer f.Close()
	for text, want := range map[string]string{"{": "unexpected end", `{"segue_rollout": 7}`: "version 7", "": "unexpected end"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Load(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A state that cannot be written is an error, and the old one stays.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.json")
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Save(&rollout.State{Version: rollout.StateVersion, Name: "old"}); err != nil {
		t.Fatal(err)
	}
	if err := replace(filepath.Join(dir, "gone", "state.json"), nil); err == nil {
		t.Error("it was written nowhere")
	}
	if s, err := f.Load(); err != nil || s.Name != "old" {
		t.Errorf("%+v, %v", s, err)
	}
}

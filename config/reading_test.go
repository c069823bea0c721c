package config

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	proxy "segue/proxy"
)

// A pipe in the place of a file, be it only just before it is opened, blocks nobody.
func TestPipesAreNotRead(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(pipe, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link, "/dev/zero", dir} {
		if _, err := readLimited(path, 10); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A file with a secret that cannot be read on, as on a server that is gone, holds up neither the end nor, once it can be, a change.
func TestSecretThatHangs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "segue.yaml")
	secret := filepath.Join(dir, "secret")
	for name, text := range map[string]string{path: one + "users: [{name: a, password_file: secret}]\n", secret: "first\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	current, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	hangs, reading := make(chan struct{}), make(chan struct{}, 10)
	changed := make(chan *Config, 10)
	trigger := make(chan func())
	w := &Watcher{
		Path: path, Trigger: trigger, Changed: func(c *Config, _ error) { changed <- c },
		secret: func(path string) (string, error) { reading <- struct{}{}; <-hangs; return readSecret(path) },
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx, current) }()
	<-reading
	for range 3 { // it listens all the while
		select {
		case trigger <- func() {}:
		case <-time.After(10 * time.Second):
			t.Fatal("it is held up")
		}
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("its end is held up")
	}

	// … and this one reads on.
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	go func() { ended <- w.Run(ctx, current) }()
	<-reading
	trigger <- func() {}
	if len(changed) > 0 {
		t.Error("changed, though nothing could be read")
	}
	close(hangs)
	select {
	case c := <-changed:
		if !slices.ContainsFunc(c.Proxy.Users, func(u proxy.User) bool { return u.Password == "first" }) {
			t.Errorf("%+v", c.Proxy.Users)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nothing after it can be read")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

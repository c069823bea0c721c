package config

import (
	"context"
	"io/fs"
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
		if _, err := new(reader).Read(path, 10); err == nil || !strings.Contains(err.Error(), "not a regular file") {
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
	watcher := func() *Watcher {
		w := &Watcher{Path: path, Trigger: trigger, Changed: func(c *Config, _ error) { changed <- c }}
		w.from.Patience = time.Hour
		w.from.Open = func(at string) (fs.File, error) {
			if at == secret {
				reading <- struct{}{}
				<-hangs
			}
			return os.Open(at)
		}
		return w
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- watcher().Run(ctx, current) }()
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
	go func() { ended <- watcher().Run(ctx, current) }()
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

// A file on a server that is gone is refused with what is wrong, within the time that it may take; what was in force stays so, and the file is read once it is back.
func TestFileServerThatIsGone(t *testing.T) {
	dir := t.TempDir()
	path, secret := filepath.Join(dir, "segue.yaml"), filepath.Join(dir, "secret")
	for name, text := range map[string]string{path: one + "users: [{name: a, password_file: secret}]\n", secret: "first\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	current, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{path, secret} {
		t.Run(filepath.Base(gone), func(t *testing.T) {
			type told struct {
				c   *Config
				err error
			}
			changed, trigger, back := make(chan told, 10), make(chan func()), make(chan struct{})
			w := &Watcher{Path: path, Trigger: trigger, Changed: func(c *Config, err error) { changed <- told{c, err} }}
			w.from.Patience = 10 * time.Millisecond
			w.from.Open = func(at string) (fs.File, error) {
				if at == gone {
					<-back
				}
				return os.Open(at)
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- w.Run(ctx, current) }()
			got := <-changed
			if got.err == nil || !strings.Contains(got.err.Error(), "no answer within 10ms: it may be on a file server that is gone") || !strings.Contains(got.err.Error(), filepath.Base(gone)) {
				t.Errorf("%+v", got)
			}
			close(back)
			for got.c == nil { // as soon as what hung has ended
				trigger <- func() {}
				got = <-changed
			}
			if !slices.ContainsFunc(got.c.Proxy.Users, func(u proxy.User) bool { return u.Password == "first" }) {
				t.Errorf("%+v", got.c.Proxy.Users)
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

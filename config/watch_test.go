package config

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// watched is a running Watcher with what it reported.
type watched struct {
	t       *testing.T
	path    string
	trigger chan func()
	news    chan news
}

type news struct {
	config *Config
	err    error
}

// watch runs a Watcher of path until the test ends.
func watch(t *testing.T, path string) *watched {
	t.Helper()
	current, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{t, path, make(chan func()), make(chan news, 10)}
	watcher := &Watcher{Path: path, Trigger: w.trigger, Changed: func(c *Config, err error) { w.news <- news{c, err} }}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- watcher.Run(ctx, current) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if len(w.news) > 0 {
			t.Errorf("%d more calls than changes; the first: %+v", len(w.news), <-w.news)
		}
	})
	return w
}

func (w *watched) next() news {
	w.t.Helper()
	select {
	case n := <-w.news:
		return n
	case <-time.After(10 * time.Second):
		w.t.Fatal("no call after 10 s")
		return news{}
	}
}

func (w *watched) nextListen(want string) {
	w.t.Helper()
	n := w.next()
	if n.err != nil || listenText(n.config.Listen) != want {
		w.t.Fatalf("got %+v, want listen %s", n, want)
	}
}

// write makes the file anew, as editors do: nobody sees half of it.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestWatchReplacedBadAndRemovedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segue.yaml")
	write(t, path, one+"listen: :1\n")
	w := watch(t, path)

	write(t, path, one+"listen: :2\n")
	w.nextListen(":2")

	write(t, path, one+"lisen: :3\n") // a bad one
	if n := w.next(); n.config != nil || n.err == nil || !strings.Contains(n.err.Error(), `did you mean "listen"?`) {
		t.Fatalf("got %+v", n)
	}

	write(t, path, one+"listen: :4\n")
	w.nextListen(":4")

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if n := w.next(); n.err == nil || !strings.Contains(n.err.Error(), "no such file") {
		t.Fatalf("got %+v", n)
	}
	write(t, path, one+"listen: :4\n")
	w.nextListen(":4")
}

// TestWatchWriteInPlace: a file that is written over may be seen half-way, and
// is then seen again.
func TestWatchWriteInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segue.yaml")
	write(t, path, one+"listen: :1\n")
	w := watch(t, path)
	if err := os.WriteFile(path, []byte(one+"listen: :2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := w.next()
	for n.err != nil {
		n = w.next()
	}
	if listenText(n.config.Listen) != ":2" {
		t.Errorf("got %+v", n.config)
	}
}

func TestWatchTriggerReloadsUnchanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segue.yaml")
	write(t, path, one+"listen: :1\n")
	w := watch(t, path)
	w.trigger <- func() {}
	w.nextListen(":1")
}

// TestWatchKubernetes swaps the symbolic link that Kubernetes swaps when a
// ConfigMap changes (AtomicWriter in k8s.io/kubernetes/pkg/volume/util).
func TestWatchKubernetes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "segue.yaml")
	swap := func(folder, text string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, folder, "segue.yaml"), text)
		if err := os.Symlink(folder, filepath.Join(dir, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	swap("..2026_1", one+"listen: :1\n")
	if err := os.Symlink(filepath.Join("..data", "segue.yaml"), path); err != nil {
		t.Fatal(err)
	}
	w := watch(t, path)
	swap("..2026_2", one+"listen: :2\n")
	if err := os.RemoveAll(filepath.Join(dir, "..2026_1")); err != nil {
		t.Fatal(err)
	}
	w.nextListen(":2")
}

// TestWatchBusyFolder: files beside the configuration neither cause a call nor
// put one off.
func TestWatchBusyFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "segue.yaml")
	write(t, path, one+"listen: :1\n")
	w := watch(t, path)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(settle / 20):
				_ = os.WriteFile(filepath.Join(dir, "other"), nil, 0o600)
			}
		}
	}()
	write(t, path, one+"listen: :2\n")
	w.nextListen(":2")
	close(stop)
	<-stopped
}

// TestWatchNoticesChangeSinceLoad: what changed between Load and Run is not
// lost.
func TestWatchNoticesChangeSinceLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segue.yaml")
	write(t, path, one+"listen: :1\n")
	loaded, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, one+"listen: :2\n")
	ctx, stop := context.WithCancel(t.Context())
	var got *Config
	w := &Watcher{Path: path, Changed: func(c *Config, _ error) { got = c; stop() }}
	if err := w.Run(ctx, loaded); err != nil {
		t.Fatal(err)
	}
	if got == nil || listenText(got.Listen) != ":2" {
		t.Errorf("got %+v", got)
	}
}

func TestWatchWithoutFile(t *testing.T) {
	overrides := []Override{{"backends", "a:1", "argument"}}
	current, err := Load("", overrides...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	trigger := make(chan func(), 1)
	trigger <- func() {}
	calls := 0
	w := &Watcher{Overrides: overrides, Trigger: trigger, Changed: func(c *Config, err error) {
		if err != nil || len(c.Backends) != 1 {
			t.Errorf("got %+v, %v", c, err)
		}
		calls++
		stop()
	}}
	if err := w.Run(ctx, current); err != nil || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

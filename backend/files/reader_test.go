package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path, pipe := filepath.Join(dir, "f"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.WriteFile(path, []byte("0123456789"), 0o600), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	r := new(Reader)
	for range 2 { // a path is read again
		if data, err := r.Read(path, 10); err != nil || string(data) != "0123456789" {
			t.Errorf("%q, %v", data, err)
		}
	}
	for path, want := range map[string]error{path: ErrTooLarge, pipe: ErrNotRegular, dir: ErrNotRegular, "/dev/zero": ErrNotRegular, filepath.Join(dir, "none"): fs.ErrNotExist} {
		if data, err := r.Read(path, 9); data != nil || !errors.Is(err, want) {
			t.Errorf("%s: %q, %v, want %v", path, data, err, want)
		}
	}
}

// A file server that is gone holds up whoever reads for the time that is given, and its goroutine, one of each file however often it is asked for; others are read all the while. When it is
// back so is the file.
func TestFileServerThatIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		back, opened := make(chan struct{}), atomic.Int32{}
		r := &Reader{Open: func(at string) (fs.File, error) {
			if at == "/mnt/gone" {
				opened.Add(1)
				<-back
				at = path
			}
			return os.Open(at)
		}}
		for i := range 100 {
			began := time.Now()
			_, err := r.Read("/mnt/gone", 10)
			took := time.Since(began)
			if want := Patience; !errors.Is(err, ErrNoAnswer) || i == 0 && took != want || i > 0 && took != 0 {
				t.Fatalf("%v after %v", err, took)
			}
		}
		if n := opened.Load(); n != 1 {
			t.Errorf("opened %d times", n)
		}
		if data, err := r.Read(path, 10); err != nil || string(data) != "x" {
			t.Errorf("another one: %q %v", data, err)
		}
		close(back)
		synctest.Wait()
		if data, err := r.Read("/mnt/gone", 10); err != nil || string(data) != "x" {
			t.Errorf("it is back: %q %v", data, err)
		}
	})
}

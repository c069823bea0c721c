package file

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What is no file of bytes is not waited for: a reload and the end would hang.
func TestReadNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if a := (&Source{Path: path}).read(); a.Err == nil || !strings.Contains(a.Err.Error(), "regular") {
		t.Errorf("%+v", a)
	}
}

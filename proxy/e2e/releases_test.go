package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// release is a version of MariaDB's programs, by the directory that they are in.
type release string

// debians is the one that is installed: MariaDB 10.11.
const debians release = ""

// nextRelease is MariaDB 11.4, in a directory that servers may read, whoever owns the cache. It is there until the test ends.
func nextRelease(t *testing.T) release {
	t.Helper()
	dir := serverDir(t)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(cacheDir(t), "next"))); err != nil {
		t.Fatalf("copy the next release: %v", err)
	}
	return release(dir)
}

func (r release) daemon() string {
	if r == debians {
		return program("mariadbd")
	}
	return filepath.Join(string(r), "bin", "mariadbd")
}

func (r release) installer() string {
	if r == debians {
		return program("mariadb-install-db")
	}
	return filepath.Join(string(r), "scripts", "mariadb-install-db")
}

// place is the argument by which its programs find the files that belong to them.
func (r release) place() []string {
	if r == debians {
		return nil
	}
	return []string{"--basedir=" + string(r)}
}

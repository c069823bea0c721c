package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// corpusTime is how long one of MariaDB's tests may take.
const corpusTime = 60 * time.Second

// corpusOutcome is what came of one of them.
type corpusOutcome uint8

const (
	asExpected corpusOutcome = iota
	otherwise
	skipped // it lacks something here
)

func (o corpusOutcome) String() string { return [...]string{"as expected", "otherwise", "skipped"}[o] }

// corpusRun runs MariaDB's tests on a server, at an address of its own or through Segue.
type corpusRun struct {
	server  *corpusServer
	address string
	dir     string // of its own: option file, logs
}

// newCorpusRun makes one; ca is the file by which clients on TLS verify whom they connect to, or "" for clients in the clear.
func newCorpusRun(t *testing.T, s *corpusServer, address, ca string) *corpusRun {
	t.Helper()
	r := &corpusRun{server: s, address: address, dir: t.TempDir()}
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		secured := "[mysqltest]\nloose-skip-ssl\n"
		if ca != "" {
			secured = "[client]\nssl-ca=" + ca + "\nssl-verify-server-cert\n"
		}
		options := fmt.Sprintf("[client]\nhost=%s\nport=%s\nprotocol=tcp\nuser=root\npassword=\n[mysql]\ndefault-character-set=latin1\n%s", host, port, secured)
		err = os.WriteFile(r.options(), []byte(options), 0o644)
	}
	if err != nil {
		t.Fatalf("write options: %v", err)
	}
	return r
}

func (r *corpusRun) options() string { return filepath.Join(r.dir, "my.cnf") }

// play runs one test, and compares what it has said with what MariaDB's developers expect. The difference, or why it was skipped, is told.
func (r *corpusRun) play(ctx context.Context, name string) (corpusOutcome, string) {
	ctx, cancel := context.WithTimeout(ctx, corpusTime)
	defer cancel()
	s := r.server
	files := filepath.Join(s.corpus, "main", name)
	result := filepath.Join(r.dir, name+".result") // beside it what was said instead is written
	if err := os.Symlink(files+".result", result); err != nil {
		return otherwise, err.Error()
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.corpus, "mariadb-test"), "--defaults-file="+r.options(), "--silent", "--database=test",
		"--tmpdir="+filepath.Join(s.around(), "tmp"), "--logdir="+r.dir, "--suite-dir="+filepath.Join(s.corpus, "main")+"/",
		"--character-sets-dir=/usr/share/mysql/charsets", "--test-file="+files+".test", "--result-file="+result)
	cmd.Dir = s.corpus
	cmd.Env = r.environment()
	cmd.SysProcAttr = clientProcess()
	cmd.Cancel = func() error { return killGroup(cmd) }
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	const saysSkip = 62
	switch {
	case err == nil:
		return asExpected, ""
	case errors.As(err, &exit) && exit.ExitCode() == saysSkip:
		return skipped, string(out)
	}
	return otherwise, fmt.Sprintf("%s\n%v", out, err)
}

// environment is what mysql-test-run tells its tests.
func (r *corpusRun) environment() []string {
	s := r.server
	host, port, _ := net.SplitHostPort(r.address)
	client := func(name string) string { return program(name) + " --defaults-file=" + r.options() }
	return append(os.Environ(),
		"LD_LIBRARY_PATH="+s.corpus, "LC_ALL=C", "TZ=GMT-3", "UMASK=0660", "UMASK_DIR=0770",
		"MYSQL_TEST_DIR="+s.corpus, "MYSQLTEST_VARDIR="+s.around(), "MYSQLTEST_REAL_VARDIR="+s.around(), "MYSQL_TMP_DIR="+filepath.Join(s.around(), "tmp"),
		"SECURE_LOAD_PATH="+filepath.Join(s.corpus, "std_data"), "MYSQL_SHAREDIR=/usr/share/mysql", "MYSQL_CHARSETSDIR=/usr/share/mysql/charsets",
		"MYSQL_BINDIR=/usr", "DEFAULT_MASTER_PORT="+port, "MASTER_MYPORT="+port, "MASTER_MYSOCK="+s.socket, "MASTER_MYHOST="+host,
		"MYSQL="+client("mariadb"), "EXE_MYSQL="+program("mariadb"), "MYSQL_DUMP="+client("mariadb-dump"), "MYSQL_CHECK="+client("mariadb-check"),
		"MYSQL_IMPORT="+client("mariadb-import"), "MYSQL_SHOW="+client("mariadb-show"), "MYSQLADMIN="+client("mariadb-admin"), "MYSQL_SLAP="+client("mariadb-slap"),
		"MYSQL_TEST="+filepath.Join(s.corpus, "mariadb-test")+" --defaults-file="+r.options()+" --silent --tmpdir="+filepath.Join(s.around(), "tmp"),
		"MARIADB_CONV=/usr/bin/mariadb-conv --character-sets-dir=/usr/share/mysql/charsets", "MY_PERROR=/usr/bin/perror", "REPLACE=/usr/bin/replace",
		"BIG_TEST=", "VALGRIND_TEST=", "USE_RUNNING_SERVER=0", "CLIENT_TLS_LIBRARY=none")
}

// brief is the part of what a test has said that tells most.
func brief(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	const most = 60
	if len(lines) > most {
		lines = append(lines[:most:most], fmt.Sprintf("… and %d lines more", len(lines)-most))
	}
	return strings.Join(lines, "\n")
}

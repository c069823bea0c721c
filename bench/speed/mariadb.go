package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// mariadb is a server with data of its own, in a temporary folder.
type mariadb struct {
	dir string
	cmd *exec.Cmd
	db  *sql.DB // the administrator's, by the UNIX socket
}

const (
	mariadbPort    = 20998
	mariadbStart   = 30 * time.Second
	nobody         = 65534 // whom it runs as: it refuses to run as root
	mariadbOptions = `[mariadbd]
skip-ssl
skip-name-resolve
max-connections=1000
max-connect-errors=4294967295
max-prepared-stmt-count=1048576
character-set-server=utf8mb4
innodb-buffer-pool-size=128M
innodb-log-file-size=32M
innodb-flush-log-at-trx-commit=0
performance-schema=0
`
)

// startMariadb starts one that has the account and the database of the load, empty. Whoever starts it stops it.
func startMariadb(ctx context.Context) (m *mariadb, err error) {
	dir, err := os.MkdirTemp("", "speed") // a short path: a socket's may not be long
	if err != nil {
		return nil, err
	}
	m = &mariadb{dir: dir}
	defer func() {
		if err != nil {
			m.stop()
		}
	}()
	if err := m.install(ctx); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	m.cmd = exec.CommandContext(ctx, "mariadbd", "--defaults-file="+m.options())
	m.cmd.Stdout, m.cmd.Stderr, m.cmd.SysProcAttr = log, log, asNobody()
	if err := m.cmd.Start(); err != nil {
		m.cmd = nil
		return nil, err
	}
	if err := m.ready(ctx); err != nil {
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("start mariadbd: %w\n%s", err, said)
	}
	return m, nil
}

func (m *mariadb) options() string { return filepath.Join(m.dir, "options") }

// install makes the system tables.
func (m *mariadb) install(ctx context.Context) error {
	data := filepath.Join(m.dir, "data")
	text := fmt.Sprintf("%sdatadir=%s\nsocket=%s\npid-file=%s\nbind-address=127.0.0.1\nport=%d\n",
		mariadbOptions, data, filepath.Join(m.dir, "s"), filepath.Join(m.dir, "pid"), mariadbPort)
	if err := os.WriteFile(m.options(), []byte(text), 0o644); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(m.dir, nobody, nobody); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "mariadb-install-db", "--no-defaults", "--datadir="+data,
		"--auth-root-authentication-method=normal", "--skip-test-db", "--force", "--innodb-log-file-size=32M")
	cmd.SysProcAttr = asNobody()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}
	return nil
}

// ready waits until it answers, and sets up the account and the database.
func (m *mariadb) ready(ctx context.Context) error {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Logger = "unix", filepath.Join(m.dir, "s"), "root", &mysql.NopLogger{}
	config.MultiStatements = true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	m.db = sql.OpenDB(connector)
	ctx, cancel := context.WithTimeout(ctx, mariadbStart)
	defer cancel()
	for {
		if err = m.db.PingContext(ctx); err == nil {
			_, err = m.db.ExecContext(ctx, fmt.Sprintf("CREATE DATABASE sbtest; CREATE USER %s IDENTIFIED BY '%s'; GRANT ALL ON sbtest.* TO %s", user, password, user))
			return err
		}
		if late := pause(ctx, 50*time.Millisecond); late != nil {
			return errors.Join(late, err)
		}
	}
}

// stop ends it, and removes what it left.
func (m *mariadb) stop() {
	if m.db != nil {
		_ = m.db.Close()
	}
	if m.cmd != nil {
		_ = m.cmd.Process.Kill()
		_ = m.cmd.Wait() // it was killed
	}
	_ = os.RemoveAll(m.dir)
}

// address is where it is, with the health URL of a server that is always well.
func (*mariadb) address() address {
	return address{"s1", netip.AddrPortFrom(at(mariadbPort).Addr(), mariadbPort), at(healthPort), ""}
}

// asNobody is what a process needs that may not run as root.
func asNobody() *syscall.SysProcAttr {
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}

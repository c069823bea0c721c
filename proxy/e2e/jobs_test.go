package e2e

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend/fesim"
)

// jobTimeout is how long one round of one job may take; dbt's, which begins with reading its project, takes ten seconds on a machine that does
// nothing else.
const jobTimeout = 5 * time.Minute

// jobPace is how often a round of a job may begin: some take milliseconds, and the machine's time is dbt's.
const jobPace = time.Second

// job is real software at work on a warehouse, in rounds.
type job struct {
	name   string
	rounds atomic.Int64
	stop   context.CancelFunc // the job ends with its round
	done   chan struct{}      // closed when it has ended
	err    error              // read after done is closed
	output output
}

// TestJobs: what stands on a warehouse (dbt, SQLAlchemy, JDBC, and what BI tools send) does its work on FEs, directly, and through Segue while all FEs are
// upgraded, and nothing of it fails. What stands on an FE itself does.
func TestJobs(t *testing.T) {
	f := startFEs(t, fesim.Options{CloseAfterStmt: true})
	for range 2 {
		b, err := f.cluster.AddBE(fesim.BEOptions{})
		if err != nil {
			t.Fatalf("add a BE: %v", err)
		}
		if err := b.Start(); err != nil {
			t.Fatalf("start a BE: %v", err)
		}
	}
	classes := t.TempDir()
	build(t, "javac", "-Xlint:all,-try", "-encoding", "UTF-8", "-d", classes, "clients/jobs/Metadata.java")
	direct := f.cluster.FEs()[0].MySQLAddress()
	endJobs(t, startJobs(t, direct, classes, "direct"))
	p := startProgram(t, f.flavor(), f.specs())
	jobs := startJobs(t, p.address, classes, "moved")
	for _, i := range f.order() {
		for _, j := range jobs {
			j.awaitRound(t)
		}
		fe := f.cluster.FEs()[i]
		control := startTools(t, fe.MySQLAddress(), "moved_shown")
		control.awaitRound(t)
		fe.Upgrade(fmt.Sprintf("3.5.%d", i+1))
		f.restart(t, p, i)
		if <-control.done; control.err == nil {
			t.Errorf("what stands on %s itself has not felt its restart", fe.Name())
		}
		p.waitUp(t)
	}
	endJobs(t, jobs)
	if moves := addSeries(string(p.get(t, "/metrics")), "segue_session_moves_total"); moves == 0 {
		t.Error("no session was moved: the jobs have not met the upgrade")
	}
	for _, j := range jobs {
		t.Logf("%s: %d rounds", j.name, j.rounds.Load())
	}
}

// startJobs begins all jobs, each in a database of its own, whose names begin with prefix.
func startJobs(t *testing.T, address, classes, prefix string) []*job {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	python, jars := filepath.Join(cacheDir(t), "jobs", "bin", "python"), filepath.Join(cacheDir(t), "jars", "*")
	project, shown := t.TempDir(), prefix+"_shown"
	if err := os.CopyFS(project, os.DirFS("clients/jobs/dbt")); err != nil {
		t.Fatalf("copy dbt's project: %v", err)
	}
	environment := []string{"JOBS_HOST=" + host, "JOBS_PORT=" + port, "JOBS_USER=" + testUser, "JOBS_PASSWORD=" + testPassword, "JOBS_DATABASE=" + prefix + "_dbt"}
	db := openJobs(t, address, "")
	for _, statement := range []string{
		"CREATE DATABASE " + shown, "CREATE TABLE " + shown + ".revenue (code VARCHAR(10) NOT NULL, name STRING, n BIGINT, amount DOUBLE) PRIMARY KEY (code)",
		"INSERT INTO " + shown + ".revenue VALUES ('de', 'Germany', 2, 30.5), ('it', 'Italy', 2, 8.75)", "CREATE VIEW " + shown + ".stg_orders AS SELECT code FROM " + shown + ".revenue",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	metadata := func(name, url string) *job {
		return startJob(t, name, nil, "java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp", classes+":"+jars, "Metadata",
			fmt.Sprintf("jdbc:%s://%s/%s", url, address, shown), testUser, testPassword, shown)
	}
	return []*job{
		startJob(t, "dbt", environment, python, "clients/jobs/warehouse.py", project),
		startJob(t, "SQLAlchemy", nil, python, "clients/jobs/reflect.py", host, port, testUser, testPassword, prefix+"_sqlalchemy"),
		metadata("Connector/J", "mysql"), metadata("MariaDB Connector/J", "mariadb"), startTools(t, address, shown),
	}
}

// openJobs opens connections to a database.
func openJobs(t *testing.T, address, name string) *sql.DB {
	t.Helper()
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.User, cfg.Passwd, cfg.DBName = "tcp", address, testUser, testPassword, name
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

// startJob starts a program that does a round for each line on its standard input.
func startJob(t *testing.T, name string, environment []string, command ...string) *job {
	t.Helper()
	j := &job{name: name, done: make(chan struct{})}
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Env = append(append(os.Environ(), "PYTHONPATH=clients/jobs", "PYTHONDONTWRITEBYTECODE=1"), environment...)
	cmd.SysProcAttr = clientProcess()
	cmd.Stderr = &j.output
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	lines := bufio.NewScanner(said)
	round := func() error {
		if _, err := io.WriteString(input, "\n"); err != nil {
			return err
		}
		for lines.Scan() {
			if lines.Text() == "round" {
				return nil
			}
			fmt.Fprintln(&j.output, lines.Text())
		}
		return io.ErrUnexpectedEOF
	}
	j.start(t, round, func() error {
		_ = input.Close()
		for lines.Scan() {
			fmt.Fprintln(&j.output, lines.Text())
		}
		return cmd.Wait()
	})
	return j
}

// start does rounds until it is told to stop or one fails, and then end.
func (j *job) start(t *testing.T, round, end func() error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	j.stop = stop
	go func() {
		defer close(j.done)
		pace := time.NewTicker(jobPace)
		defer pace.Stop()
		for ctx.Err() == nil && j.err == nil {
			if j.err = round(); j.err == nil {
				j.rounds.Add(1)
			}
			select {
			case <-pace.C:
			case <-ctx.Done():
			}
		}
		j.err = errors.Join(j.err, end())
	}()
}

// awaitRound waits until a round that begins from now on, or is under way, is over.
func (j *job) awaitRound(t *testing.T) {
	t.Helper()
	begun := j.rounds.Load()
	deadline := time.Now().Add(jobTimeout)
	for j.rounds.Load() == begun {
		select {
		case <-j.done:
			t.Fatalf("%s ended: %v\n%s", j.name, j.err, j.output.String())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s takes more than %v for a round\n%s", j.name, jobTimeout, j.output.String())
		}
	}
}

// endJobs lets each job end a whole round more, and requires that none has failed.
func endJobs(t *testing.T, jobs []*job) {
	t.Helper()
	for _, j := range jobs {
		j.awaitRound(t)
	}
	for _, j := range jobs {
		j.stop()
	}
	for _, j := range jobs {
		<-j.done
		if j.err != nil {
			t.Errorf("%s: %v\n%s", j.name, j.err, j.output.String())
		}
	}
}

// toolsFile has what BI tools send.
const toolsFile = "../../backend/fesim/testdata/tools.sql"

// startTools sends the statements of BI tools on one connection, in rounds.
func startTools(t *testing.T, address, db string) *job {
	t.Helper()
	text, err := os.ReadFile(toolsFile)
	if err != nil {
		t.Fatal(err)
	}
	var statements []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "--") {
			statements = append(statements, strings.NewReplacer("`jobs`", "`"+db+"`", "'jobs'", "'"+db+"'").Replace(line))
		}
	}
	c, err := openJobs(t, address, db).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	j := &job{name: "tools", done: make(chan struct{})}
	j.start(t, func() error {
		for _, statement := range statements {
			if err := readAll(c, statement); err != nil {
				return fmt.Errorf("%.100s: %w", statement, err)
			}
		}
		return nil
	}, c.Close)
	return j
}

func readAll(c *sql.Conn, statement string) error {
	rows, err := c.QueryContext(context.Background(), statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

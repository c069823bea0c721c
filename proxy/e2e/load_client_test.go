package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// loadTimeout is how long a load may take before it hangs: a client of these gives up after two minutes, if it does at all.
const loadTimeout = 90 * time.Second

// loadClient is a program that loads files, called as
//
//	PROGRAM URL USER PASSWORD [JDBC_URL]
//
// where the URL is http://HOST:PORT. For each line of its standard input, `WAY<TAB>DATABASE/TABLE<TAB>LABEL<TAB>FILE`, it loads a file, and prints one line:
//
//	answer<TAB>CODE<TAB>BODY	what it was answered
//	loaded				its library says so
//	failed<TAB>TEXT			its library says so
//	lost<TAB>TEXT			it got no answer
//
// A label of "-" is none.
type loadClient struct {
	name    string
	ways    []string
	command func(t *testing.T) []string
	blind   []string // ways in which the client cannot send the same again, under the same label
}

// loadClients lists them.
func loadClients() []loadClient {
	python := func(t *testing.T) []string {
		t.Helper()
		return []string{filepath.Join(cacheDir(t), "loads", "bin", "python"), "clients/load/load.py"}
	}
	var compiled []string // for both of its clients, which are started one after the other
	java := func(t *testing.T) []string {
		t.Helper()
		if compiled == nil {
			compiled = loadJava(t, "clients/load/Load.java", "load-jars", "Load")
		}
		return compiled
	}
	return []loadClient{
		{name: "curl", ways: []string{"file", "stdin", "plain", "chunks", "http10", "gzip", "json", "parquet"}, command: script("clients/load/load.sh")},
		{name: "requests", ways: []string{"put", "plain", "chunks"}, command: python},
		{name: "pydoris", ways: []string{"pydoris"}, command: python, blind: []string{"pydoris"}}, // takes Label Already Exists for a failure, whatever is in
		{name: "doris-stream-load", ways: []string{"doris-stream-load"}, command: python, blind: []string{"doris-stream-load"}},
		{name: "fetch", ways: []string{"put", "chunks"}, command: script("node", "clients/load/load.js")},
		{name: "net/http", ways: []string{"put", "plain", "chunks"}, command: goLoadProgram},
		{name: "HttpClient 5", ways: []string{"put", "plain", "chunks"}, command: java},
		{name: "StarRocks SDK", ways: []string{"sdk", "sdk-txn", "sdk-2pc"}, command: java, blind: []string{"sdk", "sdk-txn", "sdk-2pc"}},
	}
}

func goLoadProgram(t *testing.T) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "load")
	build(t, "go", "build", "-o", path, "./clients/load/go")
	return []string{path}
}

// loadJava compiles a source against a folder of jars in the cache.
func loadJava(t *testing.T, source, folder, class string) []string {
	t.Helper()
	classes, jars := t.TempDir(), filepath.Join(cacheDir(t), folder, "*")
	build(t, "javac", "-encoding", "UTF-8", "-cp", jars, "-d", classes, source)
	return []string{
		"java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "--add-opens", "java.base/java.util=ALL-UNNAMED", "--add-opens", "java.base/java.lang=ALL-UNNAMED",
		"-cp", classes + ":" + jars, class,
	}
}

// loader is a running client.
type loader struct {
	loadClient
	input  io.WriteCloser
	lines  chan string
	output *output
	turn   int
}

// start starts the client. It ends with the test.
func (c loadClient) start(t *testing.T, url string, more ...string) *loader {
	t.Helper()
	command := append(append(c.command(t), url, testUser, testPassword), more...)
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	l := &loader{loadClient: c, lines: make(chan string), output: &output{}}
	cmd.Stderr, cmd.SysProcAttr = l.output, clientProcess()
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	var err error
	if l.input, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", c.name, err)
	}
	go func() {
		defer close(l.lines)
		lines := bufio.NewScanner(said)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			l.lines <- lines.Text()
		}
		_ = cmd.Wait()
	}()
	t.Cleanup(func() { _ = l.input.Close() })
	return l
}

// way is the next of its ways.
func (l *loader) way() string {
	l.turn++
	return l.ways[(l.turn-1)%len(l.ways)]
}

// loadVerdict is what a client has been told of a load, or has made of it.
type loadVerdict string

// The verdicts. A library's word that it failed says nothing of the rows: it may have tried more than once.
const (
	loaded     loadVerdict = "loaded"
	notLoaded  loadVerdict = "not loaded"
	notKnown   loadVerdict = "not known"
	noAnswer   loadVerdict = "no answer"
	hung       loadVerdict = "hung"
	outOfWords loadVerdict = "nonsense"
)

// load has the client load a file, and returns what became of it, as far as it knows.
func (l *loader) load(way, table, label, file string) (loadVerdict, string) {
	if _, err := fmt.Fprintf(l.input, "%s\t%s\t%s\t%s\n", way, table, label, file); err != nil {
		return outOfWords, err.Error() + ": " + l.output.String()
	}
	select {
	case line, ok := <-l.lines:
		if !ok {
			return outOfWords, "it has ended: " + l.output.String()
		}
		return readOutcome(line)
	case <-time.After(loadTimeout):
		return hung, fmt.Sprintf("no outcome within %s", loadTimeout)
	}
}

// readOutcome reads a line of a client's.
func readOutcome(line string) (loadVerdict, string) {
	words := strings.SplitN(line, "\t", 3)
	switch {
	case words[0] == "loaded":
		return loaded, ""
	case words[0] == "failed", words[0] == "lost":
		return noAnswer, line
	case words[0] != "answer" || len(words) != 3:
		return outOfWords, line
	}
	v, err := readAnswer(words[2])
	if err != nil {
		return outOfWords, fmt.Sprintf("%v: %s", err, line)
	}
	return v, line
}

// readAnswer reads an answer to a load, as a careful client does.
func readAnswer(body string) (loadVerdict, error) {
	var answer struct{ Status, ExistingJobStatus, Message, Outcome string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return "", err
	}
	switch answer.Status {
	case "Success", "OK", "Publish Timeout":
		return loaded, nil
	case "Label Already Exists":
		if answer.ExistingJobStatus == "FINISHED" {
			return loaded, nil
		}
		return notKnown, nil
	case "Fail", "FAILED":
		if answer.Outcome == "unknown" { // as Segue says it
			return notKnown, nil
		}
		return notLoaded, nil
	}
	return "", errors.New("no status that says something")
}

// loadFile is a file of rows to be loaded.
type loadFile struct {
	path, label string
	ids         []string
}

// writeLoadRows makes a file of rows, whose ids begin with its label, in the form that a way of a client wants.
func writeLoadRows(t *testing.T, directory, label, way string, rows int) loadFile {
	t.Helper()
	f := loadFile{path: filepath.Join(directory, label), label: label}
	var text strings.Builder
	filling := strings.Repeat("x", 240)
	for i := range rows {
		id := fmt.Sprintf("%s.%d", label, i)
		f.ids = append(f.ids, id)
		switch {
		case way != "json":
			fmt.Fprintf(&text, "%s,%s\n", id, filling)
		case i == 0:
			fmt.Fprintf(&text, "[{\"id\": %q, \"v\": %q}", id, filling)
		default:
			fmt.Fprintf(&text, ",\n{\"id\": %q, \"v\": %q}", id, filling)
		}
	}
	if way == "json" {
		text.WriteString("]\n")
	}
	body := []byte(text.String())
	if way == "parquet" {
		body, f.ids = parquetRows(body)
	}
	if err := os.WriteFile(f.path, body, 0o600); err != nil {
		t.Fatalf("write rows: %v", err)
	}
	return f
}

// isBlind reports whether the same load cannot be sent again under the same label.
func (l *loader) isBlind(way string) bool { return slices.Contains(l.blind, way) }

package e2e

import (
	_ "embed"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend"
)

var (
	corpusShare = flag.Int("corpus", 16, "TestMoveCorpus takes one in so many of its tests, other ones for each seed; 1: all")
	corpusTLS   = flag.Bool("corpus-tls", false, "clients of TestMoveCorpus speak TLS with Segue")
	corpusTry   = flag.String("corpus-try", "", "TestMoveCorpus takes the tests of MariaDB's whose names match, in its list or not, and tells what comes of each")
)

//go:embed testdata/corpus.txt
var corpusList string

// corpusTest is a test of MariaDB's.
type corpusTest struct {
	name   string
	but    string // why it need not come to the same in motion; empty: it must
	always bool   // nor through Segue at rest
}

// corpusTests are those of the list that are to be played.
func corpusTests(t *testing.T, corpus string) (list []corpusTest) {
	t.Helper()
	if *corpusTry != "" {
		files, err := filepath.Glob(filepath.Join(corpus, "main", *corpusTry+".test"))
		if err != nil {
			t.Fatalf("find tests: %v", err)
		}
		for _, f := range files {
			if _, err := os.Stat(strings.TrimSuffix(f, ".test") + ".result"); err == nil {
				list = append(list, corpusTest{name: strings.TrimSuffix(filepath.Base(f), ".test")})
			}
		}
		return list
	}
	all := readCorpusList(corpusList)
	for i := range all {
		if uint64(i)%uint64(*corpusShare) == *seed%uint64(*corpusShare) {
			list = append(list, all[i])
		}
	}
	return list
}

// readCorpusList reads lines such as "name", "name: why it is excepted in motion", and "name, even at rest: why it is excepted".
func readCorpusList(text string) (list []corpusTest) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, but, _ := strings.Cut(line, ": ")
		name, always := strings.CutSuffix(name, ", even at rest")
		list = append(list, corpusTest{name, but, always})
	}
	return list
}

// TestMoveCorpus plays MariaDB's own tests, one at a time, on one server behind two addresses: at one of these, through Segue, and through Segue while each session moves
// after every statement, or loses its connection again and again. What a test says must be what MariaDB's developers expect, each time.
func TestMoveCorpus(t *testing.T) {
	t.Run("direct", func(t *testing.T) {
		s := startCorpusServer(t)
		playCorpus(t, newCorpusRun(t, s, s.address(), ""), nil, false)
	})
	t.Run("at rest", func(t *testing.T) { corpusThrough(t, buildProgram(t), false) })
	for _, m := range motions() {
		t.Run(m.name, func(t *testing.T) { corpusThrough(t, buildEdited(t, m.edits...), true) })
	}
}

// corpusThrough plays the corpus through a Segue.
func corpusThrough(t *testing.T, program string, inMotion bool) {
	t.Helper()
	s := startCorpusServer(t)
	more, ca := []string{"users:\n  - {name: root, password: \"\"}", "limits: {sessions: 200}", eager}, ""
	if *corpusTLS {
		on := newAuthority(t).secure(t)
		more, ca = append(more, on.offers("required")), on.shown.file("ca")
	}
	p := startProgramAt(t, program, backend.MySQL, s.specs(), more...)
	playCorpus(t, newCorpusRun(t, s, p.address, ca), p, inMotion)
}

// playCorpus plays the tests one by one.
func playCorpus(t *testing.T, r *corpusRun, p *segueProgram, inMotion bool) {
	t.Helper()
	var outcomes [skipped + 1]int
	excepted, renewed := 0, 0
	for _, test := range corpusTests(t, r.server.corpus) {
		if test.but != "" && inMotion || test.always && p != nil {
			excepted++
			continue
		}
		began := time.Now()
		outcome, said := r.play(t.Context(), test.name)
		outcomes[outcome]++
		if *corpusTry != "" {
			t.Logf("%s: %s in %s", test.name, outcome, time.Since(began).Round(10*time.Millisecond))
		}
		if outcome != asExpected {
			t.Errorf("%s: %s", test.name, brief(said))
		}
		if r.server.tidy(t, outcome != asExpected) {
			renewed++
			if p != nil {
				p.waitUp(t)
			}
		}
	}
	t.Logf("%d passed, %d failed, %d were skipped, %d excepted; the server was renewed %d times", outcomes[asExpected], outcomes[otherwise], outcomes[skipped], excepted, renewed)
	if p == nil {
		return
	}
	moves := addSeries(string(p.get(t, "/metrics")), "segue_session_moves_total", `result="ok"`)
	t.Logf("%g moves, %g that failed", moves, addSeries(string(p.get(t, "/metrics")), "segue_session_moves_total", `result="failed"`))
	if inMotion && moves < 100 {
		t.Errorf("%g moves: this is no motion", moves)
	}
}

// TestCorpusList: the list has no test twice, and enough of them.
func TestCorpusList(t *testing.T) {
	list := readCorpusList(corpusList)
	names := map[string]bool{}
	excepted := 0
	for _, test := range list {
		if names[test.name] {
			t.Errorf("%s is there twice", test.name)
		}
		if names[test.name] = true; test.but != "" {
			excepted++
		}
	}
	t.Logf("%d tests, %d of them excepted", len(list), excepted)
	if len(list)-excepted < 100 || !slices.IsSortedFunc(list, func(a, b corpusTest) int { return strings.Compare(a.name, b.name) }) {
		t.Errorf("%d tests, %d of them excepted: want 100 in order at least", len(list), excepted)
	}
}

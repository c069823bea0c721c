package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"segue/bench/typeset"
)

// sampleRuns are two made-up runs that look like real ones.
func sampleRuns() []*Run {
	made := func(name string, slot, exit int, fails bool) *Run {
		r := &Run{Name: name, Took: at(1000 + 3*slot + 1000)}
		for ms := 0; ms < 2000+3*slot; ms += 5 {
			r.add(Event{At: at(ms), Workload: Workload(ms / 5 % 3), Kind: Answered, Wait: at(ms % 7)})
		}
		for i, fe := range []string{"fe-1", "fe-2", "fe-3"} {
			leave := 1000 + i*slot
			gone := leave + exit
			r.Timeline.Marks = append(r.Timeline.Marks, Mark{at(leave), fe, Leaving}, Mark{at(gone), fe, Exited})
			if fails {
				for ms := gone; ms < gone+900; ms += 11 {
					r.add(Event{At: at(ms), Workload: Short, Kind: ConnectEOF, Err: errors.New("unexpected EOF <script>")})
				}
				r.add(Event{At: at(gone), Workload: Long, Kind: StatementCut, Err: errors.New("cut")})
				r.Timeline.Marks = append(r.Timeline.Marks, Mark{at(gone + 900), fe, TakenOut}, Mark{at(gone + 2000), fe, TakenIn})
			}
			r.Timeline.Marks = append(r.Timeline.Marks, Mark{at(gone + 1300), fe, Back})
			r.add(Event{At: at(leave), Workload: Long, Kind: Reconnected, Err: errors.New("closed")})
		}
		r.Timeline.End(r.Took)
		return r
	}
	return []*Run{made("cloud load balancer", 6600, 4000, true), made("Segue", 3600, 1000, false)}
}

func (r *Run) add(e Event) {
	r.Tally.Add(e)
	r.Timeline.Add(e)
}

func TestTable(t *testing.T) {
	runs := sampleRuns()
	text := table(runs, compareRuns(runs, 15), typeset.Style{})
	for _, want := range []string{
		"                                      cloud load balancer     Segue\n",
		"statements answered                                 4,360     2,560\n",
		"  at real speed                                      5:27      3:12\n",
		"errors a client saw                                   249         0\n",
		"  connect closed before login (EOF)                   246         0\n",
		"  statement cut                                         3         0\n",
		"  wrong answer                                          0         0\n",
		"  to expect at real speed, same load               ≈3,700         0  estimate\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, StatementTimeout.String()) {
		t.Error("a kind that nobody saw and nobody asks for is shown")
	}
	fits(t, text)
}

func fits(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > typeset.TerminalWidth {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

func TestColoursOnlyAddColour(t *testing.T) {
	runs := sampleRuns()
	plain, coloured := sparklines(runs, 15, typeset.Style{}), sparklines(runs, 15, typeset.Style{On: true})
	if plain == coloured {
		t.Error("no colour")
	}
	for _, code := range []string{"\x1b[0m", "\x1b[2m", "\x1b[1;31m", "\x1b[1;32m"} {
		coloured = strings.ReplaceAll(coloured, code, "")
	}
	if plain != coloured {
		t.Errorf("colours change the text:\n%s\n%s", plain, coloured)
	}
}

func TestSparkline(t *testing.T) {
	l := Timeline{Step: at(100), Marks: []Mark{{at(100), "fe-2", Leaving}, {at(300), "fe-2", Exited}, {at(500), "fe-2", Back}}}
	for ms, n := range map[int]int{100: 1, 300: 4, 450: 8} {
		for range n {
			l.Add(Event{At: at(ms), Kind: ConnectEOF})
		}
	}
	l.End(at(600))
	if got := sparkline(&l, at(100), 8); got != "·▁·▄█·" {
		t.Errorf("sparkline %s", got)
	}
	if got := rail(&l, at(100), at(600)); got != " 22××" {
		t.Errorf("rail %q", got)
	}
	fits(t, sparklines(sampleRuns(), 15, typeset.Style{}))
}

func TestVerdict(t *testing.T) {
	r := &Run{Name: "Segue"}
	r.add(Event{Kind: Answered})
	r.add(Event{Kind: StatementCut})
	r.Timeline.Marks = []Mark{{0, "fe-1", Leaving}, {1, "fe-1", Exited}, {2, "fe-1", Back}}
	if got, want := verdict(r), "Segue: 1 statement, 1 restart, 1 error"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestEstimatesHaveTwoDigits(t *testing.T) {
	for n, want := range map[float64]int{7: 7, 99: 99, 104: 100, 3747: 3700, 6180: 6200} {
		if got := twoDigits(n); got != want {
			t.Errorf("twoDigits(%v) = %d, want %d", n, got, want)
		}
	}
}

func TestPictureIsWellFormed(t *testing.T) {
	for name, runs := range map[string][]*Run{
		"two runs":  sampleRuns(),
		"empty run": {{Name: "nothing <happened> & more"}},
	} {
		picture := Picture(runs, 15)
		if strings.Contains(picture, "NaN") || strings.Contains(picture, "Inf") {
			t.Errorf("%s: a coordinate is not a number", name)
		}
		d := xml.NewDecoder(strings.NewReader(picture))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	picture := Picture(sampleRuns(), 15)
	if got := strings.Count(picture, `class="leave"><title>`); got != 6 {
		t.Errorf("%d FEs leave in the picture, want 3 in each run", got)
	}
	if got := strings.Count(picture, ">no error<"); got != 1 {
		t.Errorf("%d runs without an error, want 1", got)
	}
}

func TestReportIsSelfContained(t *testing.T) {
	var page strings.Builder
	if err := WriteReport(&page, sampleRuns(), 15, []string{"by <hand>"}, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	html := page.String()
	for _, want := range []string{
		"<h1>Rolling restart of three FEs: 249 errors through a cloud load balancer, 0 errors through Segue</h1>",
		"<svg ", "by &lt;hand&gt;", "unexpected EOF &lt;script&gt;",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	for _, no := range []string{"<script", "<link", "src=", "@import", "url("} {
		if strings.Contains(html, no) {
			t.Errorf("the page loads something: %s", no)
		}
	}
}

package report

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"segue/bench/measure"
	"segue/bench/typeset"
)

func ms100(n int) measure.Millis { return measure.Millis(time.Duration(n) * 100 * time.Millisecond) }

// sample is a made-up run that looks like a real one; failing, it has errors while
// a node is away.
func sample(name string, failing bool) *measure.Result {
	r := &measure.Result{
		Version: measure.ResultVersion, Name: name, Started: time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC), Took: ms100(198),
		Command: []string{"segue", "bench", "--dsn", "app:…@tcp(lb:9030)/", "--name", "it's <b>"}, Tool: "segue v1", Machine: "host",
		Endpoint: "app:…@tcp(lb:9030)/", Server: "8.0.33, StarRocks", Flavor: measure.StarRocks,
		Load:   measure.LoadSummary{Offered: 400, TxnHold: measure.Millis(80 * time.Millisecond), Writes: true, Seed: 1},
		Felt:   measure.Felt{Answers: 7900, Stall: measure.Millis(3 * time.Millisecond), StallClass: "writer"},
		Ledger: &measure.Verdict{Acknowledged: 800},
		Marks: []measure.Mark{
			{At: ms100(50), Text: "fe-1 <is> told to leave", Source: "script"},
			{At: ms100(51), Text: "fe-1 is gone", Source: "segue"},
			{At: ms100(195), Text: "fe-1 is back, and this is a long story about it", Source: "control"},
		},
		Timeline: measure.Timeline{Step: measure.Millis(250 * time.Millisecond)},
		Classes: []measure.ClassRow{{Class: "long-lived", Clients: 16, Answers: 7900, Response: measure.Latency{
			P50: measure.Millis(time.Millisecond), P99: measure.Millis(5 * time.Millisecond), Max: measure.Millis(time.Second),
		}}},
	}
	for _, p := range measure.Parts() {
		r.Timeline.Parts = append(r.Timeline.Parts, p.String())
	}
	for i := range 80 {
		b := measure.Bucket{Answers: 100, Errors: make([]int, len(r.Timeline.Parts)), P50: measure.Millis(time.Millisecond), P99: measure.Millis(5 * time.Millisecond), Max: measure.Millis(20 * time.Millisecond)}
		if failing && i >= 20 && i < 28 {
			b = measure.Bucket{Errors: []int{30, 5, 1, 0, 0, 0}}
		}
		r.Timeline.Buckets = append(r.Timeline.Buckets, b)
	}
	if failing {
		r.Felt.Errors, r.Felt.ErrorsPerMinute, r.Felt.SessionsLost = 288, 872.7, 16
		r.Ledger.Unknown, r.Ledger.UnknownThere, r.Ledger.Doubled = 3, 2, 1
		r.Faults = []measure.FaultRow{
			{Class: "short-lived", Doing: "connect", What: "refused", Sent: "-", Count: 240, First: ms100(50), Last: ms100(70), Sample: "dial tcp: connection <refused>"},
			{Class: "long-lived", Doing: "connect", What: "ERR", Number: 1040, Sent: "-", Count: 40, Sample: "Error 1040 (08004): Too many connections"},
			{Class: "transaction", Doing: "in a transaction", What: "connection lost", Sent: "no", Count: 8, Sample: "driver: bad connection"},
		}
	}
	return r
}

func TestSummary(t *testing.T) {
	text := Summary(sample("through a load balancer", true), typeset.Style{})
	for _, want := range []string{
		"errors a client saw                           288\n",
		"  per minute                                  873\n",
		"longest stall of one client               3.00 ms  writer, until 0.0 s\n",
		"writes doubled                                  1\n",
		"writes whose outcome was not told               3  2 of them are there\n",
		"16 long-lived          7,900         0  1.00 ms  5.00 ms   1.00 s           0\n",
		"    240 × short-lived, connect: refused\n          5.0 s to 7.0 s: dial tcp: connection <refused>\n",
		"     40 × long-lived, connect: ERR 1040",
		"      8 × transaction, in a transaction: connection lost, not sent\n",
		"errors    ··········████··························\n  marks             1                            3\n          one column is 500ms, the tallest 72 errors\n",
		"    1     5.0 s  fe-1 <is> told to leave\n",
		"\nthrough a load balancer: 7,900 answers, 288 errors a client saw, 1 write astray\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	fits(t, text)
	if coloured := Summary(sample("x", false), typeset.Style{On: true}); !strings.Contains(coloured, "\x1b[1;32mx: 7,900 answers, 0 errors a client saw\x1b[0m") {
		t.Errorf("a clean run ends red:\n%s", coloured)
	}
}

func fits(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > typeset.TerminalWidth {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

func TestComparison(t *testing.T) {
	runs := []*measure.Result{sample("load balancer", true), sample("Segue", false), sample("Segue", false)}
	runs[2].Ledger = nil
	Distinct(runs)
	text := Comparison(runs, typeset.Style{})
	squeezed := regexp.MustCompile(` +`).ReplaceAllString(text, " ")
	for _, want := range []string{
		" load balancer Segue (1) Segue (2)\n",
		"errors a client saw 288 0 0\n",
		"writes doubled 1 0 –\n",
		"connect: refused 240 0 0\n",
		"in a transaction: connection lost, not sent 8 0 0\n",
		"long-lived, median 1.00 ms 1.00 ms 1.00 ms\n",
		"took 19.8 s 19.8 s 19.8 s\n",
		"load balancer ··········████··························\n marks 1 3\nSegue (1) ········································\n",
	} {
		if !strings.Contains(squeezed, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestLive(t *testing.T) {
	var out bytes.Buffer
	l := &Live{Out: &out}
	l.Progress(measure.Progress{At: time.Second, Answers: 400})
	l.Mark(measure.Mark{At: ms100(12), Text: "fe-1 leaves"})
	l.Progress(measure.Progress{At: 5 * time.Second, Answers: 400, Errors: 3, FoundDead: 7, Waiting: 4 * time.Second})
	l.End()
	want := "   1.0 s      400 answers/s      0 errors\n    1     1.2 s  fe-1 leaves\n   5.0 s        0 answers/s      3 errors  7 dead in pools  no answer for 4.0 s\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	fits(t, out.String())
	out.Reset()
	l = &Live{Out: &out, Terminal: true}
	l.Progress(measure.Progress{At: time.Second, Answers: 400})
	l.End()
	if got := out.String(); strings.Contains(got, "\n") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("in a terminal: %q", got)
	}
}

func TestPicturesAreWellFormed(t *testing.T) {
	empty := &measure.Result{Name: "nothing <happened>"}
	endless := sample("long", true)
	endless.Took = measure.Millis(3 * time.Hour)
	endless.Timeline.Step = measure.Millis(10 * time.Minute)
	odd := sample("odd \x00\u202e 漢字", true)
	odd.Marks = append(odd.Marks, measure.Mark{At: math.MinInt64}, measure.Mark{At: math.MaxInt64, Text: "after the end"})
	odd.Timeline.Buckets[3].Answers, odd.Timeline.Buckets[4].Answers = math.MaxInt32, math.MinInt32
	odd.Timeline.Buckets[5].P50, odd.Timeline.Buckets[6].Max = math.MaxInt64, math.MinInt64
	odd.Timeline.Buckets[7].Errors[0] = math.MinInt32
	for name, runs := range map[string][]*measure.Result{
		"one": {sample("a & b", true)}, "two": {sample("a", true), sample("b", false)}, "empty": {empty}, "hours": {endless}, "odd": {odd},
	} {
		for kind, picture := range map[string]string{"page": Picture(runs), "slide": Slide(runs)} {
			if strings.Contains(picture, "NaN") || strings.Contains(picture, "Inf") {
				t.Errorf("%s, %s: a coordinate is not a number", name, kind)
			}
			d := xml.NewDecoder(strings.NewReader(picture))
			for {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%s, %s: %v", name, kind, err)
				}
			}
			if kind == "slide" && strings.Contains(picture, "var(") {
				t.Errorf("%s: a slide has colours that only a browser knows", name)
			}
		}
		if _, err := newPainter(drawFigure(runs, true)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	picture := Picture([]*measure.Result{sample("a", true), sample("b", false)})
	if got := strings.Count(picture, ">no error<"); got != 1 {
		t.Errorf("%d runs without an error, want 1", got)
	}
	if got := strings.Count(picture, `class="mark"`); got != 6 {
		t.Errorf("%d marks, want 3 in each run", got)
	}
}

// Each line of the picture is where it is in SVG, in its colour, and so is each box.
func TestPNG(t *testing.T) {
	runs := []*measure.Result{sample("a", true), sample("b", false)}
	var data bytes.Buffer
	if err := WritePNG(&data, runs); err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(&data)
	if err != nil {
		t.Fatal(err)
	}
	f := drawFigure(runs, true)
	if size := picture.Bounds().Size(); size.X != 2*(chartWidth+32) || size.Y != int(2*f.height) {
		t.Errorf("%v pixels, the figure has %v by %v", size, f.width, f.height)
	}
	at := func(x, y float64) string {
		r, g, b, _ := picture.At(int((x-f.left)*2), int((y-f.top)*2)).RGBA()
		return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
	}
	seen := map[string]int{}
	for _, s := range f.shapes {
		switch {
		case strings.HasPrefix(s.class, "e"): // a box, beside its left edge, where a mark may be
			if got, want := at(s.points[0].x+3, (s.points[0].y+s.points[2].y)/2), light()[s.class]; got != want {
				t.Errorf("%s at %v is %s, want %s", s.class, s.points, got, want)
			}
		case s.class == "base", s.class == "longest": // its beginning, where no other line is
			if got, want := at(s.points[0].x+1, s.points[0].y), map[string]string{"base": light()["soft"], "longest": light()["longest"]}[s.class]; got != want {
				t.Errorf("%s at %v is %s, want %s", s.class, s.points[0], got, want)
			}
		case s.kind == lettered:
			inked := 0
			for dx := -120.0; dx < 120; dx += 0.5 {
				for dy := -8.0; dy < 0; dy += 0.5 {
					if at(s.points[0].x+dx, s.points[0].y+dy) != "#ffffff" {
						inked++
					}
				}
			}
			if inked < 10 {
				t.Errorf("no letters of %q at %v", s.words[0].text, s.points[0])
			}
			seen["words"]++
			continue
		}
		seen[s.class]++
	}
	if seen["e0"] < 8 || seen["longest"] < 2 || seen["words"] < 20 {
		t.Errorf("looked at %v", seen)
	}
}

func TestPlaceMarks(t *testing.T) {
	x := func(at time.Duration) float64 { return at.Seconds() } // a second is a pixel
	mark := func(s int, text string) measure.Mark {
		return measure.Mark{At: measure.Millis(time.Duration(s) * time.Second), Text: text}
	}
	got := placeMarks([]measure.Mark{
		mark(100, "one"), mark(102, "close to it"), mark(500, "far from both"), mark(1095, "near the end"),
		mark(1096, "a"), mark(1097, "b"), mark(1098, "c"), mark(1099, "d"), mark(1100, "no room any more"), mark(1101, "nor for a number"),
	}, x)
	want := []place{
		{0, "one", false, false},
		{1, "close to it", false, false},
		{0, "far from both", false, false},
		{0, "near the end", true, false},
		{1, "a", true, false},
		{2, "b", true, false},
		{3, "c", true, false},
		{4, "d", true, false},
		{5, "", false, false},
		{5, "", false, true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestNiceTop(t *testing.T) {
	for largest, want := range map[float64]float64{0: 1, 1: 1, 3: 3, 7: 8, 9: 10, 105: 120, 390: 400, 1001: 1200} {
		if got := niceTop(largest); got != want {
			t.Errorf("niceTop(%v) = %v, want %v", largest, got, want)
		}
	}
}

func TestPageIsSelfContained(t *testing.T) {
	for name, runs := range map[string][]*measure.Result{"one": {sample("one", true)}, "two": {sample("one", true), sample("two", false)}} {
		var page strings.Builder
		if err := WriteHTML(&page, runs); err != nil {
			t.Fatal(err)
		}
		html := page.String()
		for _, want := range []string{
			"<svg ", "fe-1 &lt;is&gt; told to leave", "segue bench --dsn &#39;app:…@tcp(lb:9030)/&#39; --name &#39;it&#39;\\&#39;&#39;s &lt;b&gt;&#39;", "prefers-color-scheme:dark", "16", "coordinated omission",
		} {
			if !strings.Contains(html, want) {
				t.Errorf("%s: no %q in the page", name, want)
			}
		}
		for _, no := range []string{"<script", "<link", "src=", "@import", "url(", "ZgotmplZ", "<b>'"} {
			if strings.Contains(html, no) {
				t.Errorf("%s: %s in the page", name, no)
			}
		}
	}
}

func TestFilesForMachines(t *testing.T) {
	r := sample("one", true)
	var data bytes.Buffer
	if err := WriteJSON(&data, r); err != nil {
		t.Fatal(err)
	}
	again, err := ReadJSON(bytes.NewReader(data.Bytes()))
	if err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("%v: read\n%+v\nwritten\n%+v", err, again, r)
	}
	for text, want := range map[string]string{
		"[]": "it is no JSON of segue bench", `{"version":7}`: "it is version 7 of segue bench's JSON; this program reads version 1",
		`{"version":1,"timeline":{"step_ms":1,"parts":["a"],"buckets":[{"errors":[]}]}}`: "0 kinds of errors, not 1",
		`{"version":1,"timeline":{"parts":[],"buckets":[{"errors":[]}]}}`:                "have no width",
	} {
		if _, err := ReadJSON(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	var table bytes.Buffer
	if err := WriteCSV(&table, r); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(lines) != 81 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	if got := fmt.Sprint(lines[0]); got != "[seconds answers found_dead errors_connect errors_statement errors_transaction errors_write errors_wrong_answer_lost_state errors_load p50_ms p99_ms max_ms marks]" {
		t.Errorf("head %s", got)
	}
	if got := fmt.Sprint(lines[21]); got != "[5 0 0 30 5 1 0 0 0 0 0 0 fe-1 <is> told to leave; fe-1 is gone]" {
		t.Errorf("line %s", got)
	}
}

// What became of loads is told wherever the ledger of writes is, and only of runs that had some.
func TestLoadsAreShown(t *testing.T) {
	quiet, r := sample("quiet", false), sample("loads", false)
	r.Loaded = &measure.LoadVerdict{Loads: 40, LoadsDone: 37, LoadsFailed: 1, LoadsUnknown: 2, Sent: 4000, Acknowledged: 3700, Found: 3790, Unknown: 200, UnknownThere: 100, Lost: 20, Doubled: 10}
	r.Load.Stream = &measure.StreamSummary{Address: "lb:8030", Rows: 100, Size: 65536, Label: true, Retry: 2}
	if r.Clean() {
		t.Error("a run that lost rows is clean")
	}
	var page, table bytes.Buffer
	if err := errors.Join(WriteHTML(&page, []*measure.Result{r}), WriteCSV(&table, r)); err != nil {
		t.Fatal(err)
	}
	for where, shown := range map[string]struct{ text, want string }{
		"summary":    {Summary(r, typeset.Style{}), "rows acknowledged and lost 20"},
		"comparison": {Comparison([]*measure.Result{quiet, r}, typeset.Style{}), "rows acknowledged and lost – 20"},
		"differ":     {Comparison([]*measure.Result{quiet, r}, typeset.Style{}), "loads: none, 100 rows, 65536 bytes"},
		"markdown":   {Markdown([]*measure.Result{quiet, r}), "| rows lost, doubled, there though failed | – | 20, 10, 0 |"},
		"page":       {page.String(), "loaded rows lost, doubled"},
		"CSV":        {table.String(), "rows of loads: 4000 sent, 3700 acknowledged, 3790 found, 20 lost, 10 doubled, 200 not told"},
		"verdict":    {Verdict(r), "20 loaded rows lost, 10 doubled"},
	} {
		if !strings.Contains(strings.Join(strings.Fields(shown.text), " "), shown.want) {
			t.Errorf("%s: no %q in\n%s", where, shown.want, shown.text)
		}
	}
	if text := Summary(quiet, typeset.Style{}); strings.Contains(text, "loads") {
		t.Errorf("loads of a run without:\n%s", text)
	}
}

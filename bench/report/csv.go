package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"segue/bench/measure"
)

// WriteJSON writes a run for machines, and for [ReadJSON].
func WriteJSON(w io.Writer, r *measure.Result) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// ReadJSON reads what WriteJSON wrote.
func ReadJSON(in io.Reader) (*measure.Result, error) {
	r := &measure.Result{}
	if err := json.NewDecoder(in).Decode(r); err != nil {
		return nil, fmt.Errorf("it is no JSON of segue bench: %w", err)
	}
	if r.Version != measure.ResultVersion {
		return nil, fmt.Errorf("it is version %d of segue bench's JSON; this program reads version %d", r.Version, measure.ResultVersion)
	}
	for i, b := range r.Timeline.Buckets {
		if len(b.Errors) != len(r.Timeline.Parts) {
			return nil, fmt.Errorf("bucket %d of its timeline has %d kinds of errors, not %d", i, len(b.Errors), len(r.Timeline.Parts))
		}
	}
	if len(r.Timeline.Buckets) > 0 && r.Timeline.Step <= 0 {
		return nil, fmt.Errorf("the steps of its timeline have no width")
	}
	return r, nil
}

// WriteCSV writes a run over time: a line for each step, with the marks that fall
// into it. What became of loads is in the last line's marks.
func WriteCSV(w io.Writer, r *measure.Result) error {
	out := csv.NewWriter(w)
	head := []string{"seconds", "answers", "found_dead"}
	for _, p := range r.Timeline.Parts {
		head = append(head, "errors_"+strings.NewReplacer(" ", "_", ",", "").Replace(p))
	}
	_ = out.Write(append(head, "p50_ms", "p99_ms", "max_ms", "marks")) // Error below has it
	step := r.Timeline.Step.Duration()
	for i, b := range r.Timeline.Buckets {
		from := time.Duration(i) * step
		line := []string{decimal(from.Seconds()), strconv.Itoa(b.Answers), strconv.Itoa(b.FoundDead)}
		for _, n := range b.Errors {
			line = append(line, strconv.Itoa(n))
		}
		var marks []string
		for _, m := range r.Marks {
			if at := m.At.Duration(); at >= from && at < from+step {
				marks = append(marks, m.Text)
			}
		}
		if v := r.Loaded; v != nil && i == len(r.Timeline.Buckets)-1 {
			marks = append(marks, fmt.Sprintf("rows of loads: %d sent, %d acknowledged, %d found, %d lost, %d doubled, %d not told", v.Sent, v.Acknowledged, v.Found, v.Lost, v.Doubled, v.Unknown))
		}
		_ = out.Write(append(line, millis(b.P50), millis(b.P99), millis(b.Max), strings.Join(marks, "; ")))
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func millis(m measure.Millis) string {
	return decimal(float64(m.Duration().Microseconds()) / 1000)
}

package top

import (
	"testing"
	"time"

	"segue/cmd/internal/admin/history"
)

func TestRates(t *testing.T) {
	times := func(bounds []float64, counts ...uint64) history.Times {
		return history.Times{Bounds: bounds, Counts: counts}
	}
	at := func(seconds float64, answered float64, taken ...history.Times) moment {
		c := Counts{Answered: answered}
		for _, t := range taken {
			c.Times = t
		}
		return moment{noon.Add(time.Duration(seconds * float64(time.Second))), map[string]Counts{"a": c}}
	}
	for name, test := range map[string]struct {
		past []moment
		want rate
	}{
		"nothing":              {nil, rate{}},
		"one moment":           {[]moment{at(0, 100)}, rate{}},
		"none answered":        {[]moment{at(0, 100), at(1, 100)}, rate{known: true}},
		"without times":        {[]moment{at(0, 100), at(2, 130)}, rate{known: true, perSecond: 15}},
		"fewer than before":    {[]moment{at(0, 100), at(1, 40)}, rate{}},
		"no time between":      {[]moment{at(0, 100), at(0, 140)}, rate{}},
		"evenly in a bucket":   {[]moment{at(0, 0, times([]float64{1}, 0, 0)), at(1, 10, times([]float64{1}, 10, 0))}, rate{true, 10, 500 * time.Millisecond, 990 * time.Millisecond}},
		"the first ones":       {[]moment{at(0, 0), at(1, 10, times([]float64{1}, 10, 0))}, rate{true, 10, 500 * time.Millisecond, 990 * time.Millisecond}},
		"what is new alone":    {[]moment{at(0, 90, times([]float64{1, 2}, 90, 0, 0)), at(1, 100, times([]float64{1, 2}, 90, 10, 0))}, rate{true, 10, 1500 * time.Millisecond, 1990 * time.Millisecond}},
		"beyond the last":      {[]moment{at(0, 0, times([]float64{1}, 0, 0)), at(1, 10, times([]float64{1}, 0, 10))}, rate{true, 10, time.Second, time.Second}},
		"other buckets before": {[]moment{at(0, 0, times([]float64{0.5}, 0, 0)), at(1, 10, times([]float64{1}, 10, 0))}, rate{known: true, perSecond: 10}},
	} {
		if got := rateOf(test.past, "a"); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	var past []moment
	for i := range 30 {
		past = since(past, at(float64(i), float64(i)))
	}
	if first, last := past[0].at, past[len(past)-1].at; last.Sub(first) != window || len(past) != 6 {
		t.Errorf("%d moments, over %s", len(past), last.Sub(first))
	}
	for x, want := range map[float64]string{0: "0", 0.24: "0.2", 9.9: "9.9", 9.96: "10", 1234.4: "1,234"} {
		if got := perSecond(x); got != want {
			t.Errorf("perSecond(%v) = %s, want %s", x, got, want)
		}
	}
}

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// some has segue grow linearly and haproxy by the square.
func some() (all []grown) {
	for _, n := range []int{100, 300, 1000} {
		all = append(all,
			grown{"haproxy", n, map[string]float64{resident: float64(n*n) / 1000}},
			grown{"segue", n, map[string]float64{resident: float64(n), perStatement: 11, drained: 0}})
	}
	return all
}

func TestSeriesTellHowFiguresGrow(t *testing.T) {
	list := seriesOf(some(), resident)
	if len(list) != 2 || math.Abs(list[0].power()-2) > 0.001 || math.Abs(list[1].power()-1) > 0.001 {
		t.Errorf("%+v", list)
	}
	if list := seriesOf(some(), perStatement); len(list) != 1 || list[0].front != "segue" || list[0].at(300) != 11 || math.Abs(list[0].power()) > 0.001 {
		t.Errorf("%+v", list)
	}
	sessions, _ := axes()
	if text := growthTable(sessions, some()); !strings.Contains(text, "| RssAnon, MB | `haproxy` | 10.0 | 90.0 | 1000 | 2.00 |") {
		t.Errorf("%s", text)
	}
}

// A picture is well-formed, has every front, and no coordinate that is no number.
func TestPicture(t *testing.T) {
	sessions, _ := axes()
	for name, all := range map[string][]grown{"some": some(), "one size": some()[:2], "none": nil} {
		svg := picture(sessions, all)
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, svg)
			}
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%s: no number:\n%s", name, svg)
		}
		if len(all) > 0 && (!strings.Contains(svg, ">segue<") || !strings.Contains(svg, ">haproxy<")) {
			t.Errorf("%s: a front is missing:\n%s", name, svg)
		}
	}
}

func TestScaleIsRound(t *testing.T) {
	for _, c := range []struct{ low, high, wantLow, wantHigh float64 }{
		{100, 9900, 100, 10000},
		{3, 100, 2, 100},
		{0.12, 0.19, 0.1, 0.2},
		{7, 7, 5, 10},
		{10, 10, 10, 100},
		{0, 1, tiny, 1},
	} {
		s := spanning([]float64{c.low, c.high}, 0, 1)
		if math.Abs(s.low/c.wantLow-1) > 1e-9 || math.Abs(s.high/c.wantHigh-1) > 1e-9 {
			t.Errorf("%v–%v: %v–%v, want %v–%v", c.low, c.high, s.low, s.high, c.wantLow, c.wantHigh)
		}
		if ticks := s.ticks(); len(ticks) < 2 || len(ticks) > 8 {
			t.Errorf("%v–%v: ticks %v", c.low, c.high, ticks)
		}
	}
}

package report

import (
	"fmt"
	"math"
	"slices"
	"time"

	"segue/bench/measure"
	"segue/bench/typeset"
)

// head writes above a lane what it shows, and returns where the lane begins.
func (c *chart) head(y float64, title string) float64 {
	c.text(plotLeft, y+14, "head", title)
	return y + headHeight
}

// legend writes names with their colours, ending at the right:
// as boxes, or as lines.
func (c *chart) legend(y float64, boxes bool, items [][2]string) {
	x := float64(plotRight)
	for _, item := range slices.Backward(items) {
		class, name := item[0], item[1]
		width := 6.9 * float64(len(name))
		x -= width
		c.text(x, y+14, "", name)
		x -= 18
		if boxes {
			c.rect(class, "", x, y+4, 11, 11)
		} else {
			c.line(class, point{x - 2, y + 9.5}, point{x + 11, y + 9.5})
		}
		x -= 16
	}
}

// ticks draws the scale of a lane whose top is worth top.
func (c *chart) ticks(y, top float64, label func(float64) string) {
	for _, share := range []float64{1, 0.5} {
		at := y + laneHeight*(1-share)
		c.rule(at, "rule", c.longest)
		c.text(plotLeft-8, at+4, "end", label(top*share))
	}
	c.text(plotLeft-8, y+laneHeight+4, "end", "0")
}

// answers draws the answers per second.
func (c *chart) answers(r *measure.Result, y float64) float64 {
	top := niceTop(c.rate)
	step := r.Timeline.Step.Duration()
	title, peak := "Answers per second", 0.0
	for i, b := range r.Timeline.Buckets {
		if width := c.covers(r, i); c.rated(r, i) {
			peak = max(peak, float64(b.Answers)/width.Seconds())
		}
	}
	if peak > top {
		title += ", cut off above " + typeset.Count(int(top)) + ": up to " + typeset.Count(int(peak))
	}
	y = c.head(y, title)
	base := y + laneHeight
	c.ticks(y, top, func(v float64) string { return typeset.Count(int(v + 0.5)) })
	var path []point
	for i, b := range r.Timeline.Buckets {
		width := c.covers(r, i)
		if !c.rated(r, i) {
			break
		}
		from := time.Duration(i) * step
		level := base - min(1, float64(b.Answers)/width.Seconds()/top)*laneHeight
		path = append(path, point{c.x(from), level}, point{c.x(from + width), level})
	}
	if n := len(path); n > 0 {
		c.area("area", "", slices.Concat([]point{{plotLeft, base}}, path, []point{{path[n-1].x, base}})...)
		c.line("answers", path...)
	}
	c.rule(base, "base", r.Took.Duration())
	return base
}

// responses draws response times on a scale of powers of ten.
func (c *chart) responses(r *measure.Result, y float64) float64 {
	c.legend(y, false, [][2]string{{"p50", "median"}, {"p99", "99 of 100"}, {"longest", "longest"}})
	y = c.head(y, "Response time, from when it was due (logarithmic)")
	base := y + laneHeight
	decades := math.Log10(c.high / c.low)
	at := func(v float64) float64 {
		return base - math.Log10(max(v, c.low)/c.low)/decades*laneHeight
	}
	for v := c.low; v <= c.high*1.001; v *= 10 {
		c.rule(at(v), "rule", c.longest)
		c.text(plotLeft-8, at(v)+4, "end", decade(v))
	}
	for _, line := range []struct {
		class string
		of    func(measure.Bucket) measure.Millis
	}{
		{"longest", func(b measure.Bucket) measure.Millis { return b.Max }},
		{"p99", func(b measure.Bucket) measure.Millis { return b.P99 }},
		{"p50", func(b measure.Bucket) measure.Millis { return b.P50 }},
	} {
		c.curve(r, line.class, func(b measure.Bucket) float64 { return at(ms(line.of(b))) })
	}
	c.rule(base, "base", r.Took.Duration())
	return base
}

// curve draws a line in steps, with gaps where there are no answers.
func (c *chart) curve(r *measure.Result, class string, level func(measure.Bucket) float64) {
	var path []point
	for i, b := range r.Timeline.Buckets {
		if b.Answers > 0 {
			from := time.Duration(i) * r.Timeline.Step.Duration()
			path = append(path, point{c.x(from), level(b)}, point{c.x(from + c.covers(r, i)), level(b)})
		}
		if len(path) > 0 && (b.Answers == 0 || i == len(r.Timeline.Buckets)-1) {
			c.line(class, path...)
			path = nil
		}
	}
}

// failures draws errors as bars, in the colours of what clients were doing.
func (c *chart) failures(r *measure.Result, y float64) float64 {
	step := r.Timeline.Step.Duration()
	var totals []int
	for range r.Timeline.Parts {
		totals = append(totals, 0)
	}
	for _, b := range r.Timeline.Buckets {
		for p, n := range b.Errors {
			totals[p] += n
		}
	}
	var items [][2]string
	for p, n := range totals {
		if n > 0 {
			items = append(items, [2]string{fmt.Sprintf("e%d", p), r.Timeline.Parts[p]})
		}
	}
	c.legend(y, true, items)
	y = c.head(y, "Errors per "+typeset.Wait(step))
	base := y + laneHeight
	top := niceTop(float64(c.errors))
	c.ticks(y, top, func(v float64) string {
		if v != math.Trunc(v) {
			return ""
		}
		return typeset.Count(int(v))
	})
	for i := range r.Timeline.Buckets {
		c.bar(r, i, base, top)
	}
	if r.Felt.Errors == 0 {
		c.text(c.x(r.Took.Duration()/2), base-laneHeight/2+5, "title fine mid", "no error")
	}
	c.rule(base, "base", r.Took.Duration())
	return base
}

// bar stacks the errors of one bucket from y up.
func (c *chart) bar(r *measure.Result, i int, y, top float64) {
	step := r.Timeline.Step.Duration()
	left := c.x(time.Duration(i) * step)
	width := max(2, (c.x(step)-plotLeft)*0.9)
	for p, n := range r.Timeline.Buckets[i].Errors {
		if n == 0 {
			continue
		}
		height := max(2.5, float64(n)/top*laneHeight) // one error among thousands is seen
		y -= height
		c.rect(fmt.Sprintf("e%d", p), "", left, y, width, height)
	}
}

// niceTop is a round figure at or above the largest.
func niceTop(largest float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(max(largest, 1))))
	for _, m := range []float64{1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8} {
		if largest <= m*unit {
			return m * unit
		}
	}
	return 10 * unit
}

// decade is a power of ten of milliseconds.
func decade(ms float64) string {
	if ms >= 999 {
		return fmt.Sprintf("%.0f s", ms/1000)
	}
	return fmt.Sprintf("%g ms", math.Round(ms*1000)/1000)
}

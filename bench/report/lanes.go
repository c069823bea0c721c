package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"segue/bench/measure"
	"segue/bench/typeset"
)

// head writes above a lane what it shows, and returns where the lane begins.
func (c *chart) head(y int, title string) int {
	c.text(plotLeft, y+14, "head", title)
	return y + headHeight
}

// legend writes names with their colours, ending at the right.
func (c *chart) legend(y int, items [][2]string) {
	x := float64(plotRight)
	for _, item := range slices.Backward(items) {
		class, name := item[0], item[1]
		width := 6.9 * float64(len(name))
		x -= width
		c.text(x, y+14, "", name)
		x -= 18
		if strings.HasPrefix(class, "e") {
			fmt.Fprintf(&c.b, `<rect x="%.1f" y="%d" width="11" height="11" class="%s"/>`+"\n", x, y+4, class)
		} else {
			fmt.Fprintf(&c.b, `<path d="M%.1f %d.5h13" class="%s"/>`+"\n", x-2, y+9, class)
		}
		x -= 16
	}
}

// ticks draws the scale of a lane whose top is worth top.
func (c *chart) ticks(y int, top float64, label func(float64) string) {
	for _, share := range []float64{1, 0.5} {
		at := y + int(laneHeight*(1-share))
		c.rule(at, "rule", c.longest)
		c.text(plotLeft-8, at+4, "end", label(top*share))
	}
	c.text(plotLeft-8, y+laneHeight+4, "end", "0")
}

// answers draws the answers per second.
func (c *chart) answers(r *measure.Result, y int) int {
	top := niceTop(c.rate)
	step := r.Timeline.Step.Duration()
	title, peak := "Answers per second", 0.0
	for i, b := range r.Timeline.Buckets {
		if width := c.width(r, i); width >= step/2 {
			peak = max(peak, float64(b.Answers)/width.Seconds())
		}
	}
	if peak > top {
		title += ", cut off above " + typeset.Count(int(top)) + ": up to " + typeset.Count(int(peak))
	}
	y = c.head(y, title)
	base := y + laneHeight
	c.ticks(y, top, func(v float64) string { return typeset.Count(int(v + 0.5)) })
	var path strings.Builder
	for i, b := range r.Timeline.Buckets {
		width := c.width(r, i)
		if width < step/2 { // too short for a rate
			break
		}
		from := time.Duration(i) * step
		height := min(1, float64(b.Answers)/width.Seconds()/top) * laneHeight
		fmt.Fprintf(&path, "L%.1f %.1fH%.1f", c.x(from), float64(base)-height, c.x(from+width))
	}
	if path.Len() > 0 {
		steps := path.String()
		fmt.Fprintf(&c.b, `<path d="M%d %d%sV%dZ" class="area"/><path d="M%s" class="answers"/>`+"\n", plotLeft, base, steps, base, steps[1:])
	}
	c.rule(base, "base", r.Took.Duration())
	return base
}

// responses draws response times on a scale of powers of ten.
func (c *chart) responses(r *measure.Result, y int) int {
	c.legend(y, [][2]string{{"p50", "median"}, {"p99", "99 of 100"}, {"longest", "longest"}})
	y = c.head(y, "Response time, from when it was due (logarithmic)")
	base := y + laneHeight
	decades := math.Log10(c.high / c.low)
	at := func(v float64) float64 {
		return float64(base) - math.Log10(max(v, c.low)/c.low)/decades*laneHeight
	}
	for v := c.low; v <= c.high*1.001; v *= 10 {
		c.rule(int(at(v)), "rule", c.longest)
		c.text(plotLeft-8, int(at(v))+4, "end", decade(v))
	}
	for _, line := range []struct {
		class string
		of    func(measure.Bucket) measure.Millis
	}{
		{"longest", func(b measure.Bucket) measure.Millis { return b.Max }},
		{"p99", func(b measure.Bucket) measure.Millis { return b.P99 }},
		{"p50", func(b measure.Bucket) measure.Millis { return b.P50 }},
	} {
		step := r.Timeline.Step.Duration()
		var path strings.Builder
		pen := "M"
		for i, b := range r.Timeline.Buckets {
			if b.Answers == 0 { // there is nothing to draw: a gap
				pen = "M"
				continue
			}
			from := time.Duration(i) * step
			fmt.Fprintf(&path, "%s%.1f %.1fH%.1f", pen, c.x(from), at(ms(line.of(b))), c.x(from+c.width(r, i)))
			pen = "L"
		}
		if path.Len() > 0 {
			fmt.Fprintf(&c.b, `<path d="%s" class="%s"/>`+"\n", path.String(), line.class)
		}
	}
	c.rule(base, "base", r.Took.Duration())
	return base
}

// failures draws errors as bars, in the colours of what clients were doing.
func (c *chart) failures(r *measure.Result, y int) int {
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
	c.legend(y, items)
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

// bar stacks the errors of one bucket.
func (c *chart) bar(r *measure.Result, i, base int, top float64) {
	step := r.Timeline.Step.Duration()
	left := c.x(time.Duration(i) * step)
	width := max(2, (c.x(step)-plotLeft)*0.9)
	y := float64(base)
	for p, n := range r.Timeline.Buckets[i].Errors {
		if n == 0 {
			continue
		}
		height := max(2.5, float64(n)/top*laneHeight) // one error among thousands is seen
		y -= height
		fmt.Fprintf(&c.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="e%d"/>`+"\n", left, y, width, height, p)
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

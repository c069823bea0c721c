package report

import (
	"fmt"
	"math"
	"time"

	"segue/bench/measure"
	"segue/bench/typeset"
)

// Measures of the picture, in CSS pixels.
const (
	chartWidth = 1120
	plotLeft   = 74
	plotRight  = 1104
	laneHeight = 96
	headHeight = 22 // above a lane: what it shows
	laneGap    = 16
	runGap     = 40
	axisHeight = 44
	markRow    = 17
)

// chart draws runs below each other on the same scales, so that they can be
// compared by eye.
type chart struct {
	figure
	longest time.Duration
	rate    float64 // the most answers per second of any step, within bounds
	errors  int     // the most errors of any step
	low     float64 // of the response times, in milliseconds: powers of ten
	high    float64
	step    time.Duration // the widest
	slide   bool          // nobody will point at it
}

// Picture draws runs as the inside of a page: its colours are the page's.
func Picture(runs []*measure.Result) string {
	return drawFigure(runs, false).svg(chartStyle())
}

// Slide draws runs as a file of its own, light on white.
func Slide(runs []*measure.Result) string {
	return drawFigure(runs, true).svg(slideStyle())
}

// drawFigure draws runs below each other.
func drawFigure(runs []*measure.Result, slide bool) *figure {
	c := &chart{longest: time.Second, rate: 1, errors: 1, low: math.Inf(1), high: 1, slide: slide}
	for _, r := range runs {
		c.measure(r)
	}
	if math.IsInf(c.low, 1) {
		c.low = 0.1
	}
	c.high = max(c.high, c.low*10)
	if slide {
		c.rect("sheet", "", 0, 0, 0, 0) // as large as the figure will be
	}
	y := 4.0
	for i, r := range runs {
		if i > 0 {
			y += runGap
		}
		if len(runs) > 1 || slide {
			y = c.name(r, y)
		}
		y = c.run(r, y)
	}
	c.timeAxis(y)
	c.left, c.top, c.width, c.height = -16, -12, chartWidth+32, y+axisHeight+24
	if slide {
		c.shapes[0].points = []point{{c.left, c.top}, {c.left + c.width, c.top}, {c.left + c.width, c.top + c.height}, {c.left, c.top + c.height}}
	}
	return &c.figure
}

// measure widens the scales for a run.
func (c *chart) measure(r *measure.Result) {
	c.longest = max(c.longest, r.Took.Duration())
	step := r.Timeline.Step.Duration()
	c.step = max(c.step, step)
	for i := range r.Timeline.Buckets {
		b := &r.Timeline.Buckets[i]
		if width := c.covers(r, i); c.rated(r, i) {
			c.rate = max(c.rate, min(float64(b.Answers)/width.Seconds(), mostOf(r)))
		}
		c.errors = max(c.errors, b.Failed())
		if b.Answers > 0 {
			c.low = min(c.low, math.Pow(10, math.Floor(math.Log10(max(0.01, ms(b.P50))))))
			c.high = max(c.high, math.Pow(10, math.Ceil(math.Log10(max(0.01, ms(b.Max))))))
		}
	}
}

// mostOf is how many answers per second a lane has room for: what is caught up with
// after a stall would make all the rest flat.
func mostOf(r *measure.Result) float64 {
	if r.Load.Offered <= 0 {
		return math.Inf(1)
	}
	return 2 * r.Load.Offered
}

// covers is how much time bucket i covers: the last one may be cut short.
func (c *chart) covers(r *measure.Result, i int) time.Duration {
	step := r.Timeline.Step.Duration()
	return min(step, r.Took.Duration()-time.Duration(i)*step)
}

// rated reports whether bucket i covers enough time for a rate; the first one of a run that was over soon has to do.
func (c *chart) rated(r *measure.Result, i int) bool {
	width := c.covers(r, i)
	return width >= r.Timeline.Step.Duration()/2 || i == 0 && width > 0
}

func ms(m measure.Millis) float64 { return float64(m.Duration()) / float64(time.Millisecond) }

// x is where a time stands.
func (c *chart) x(at time.Duration) float64 {
	return plotLeft + float64(at)/float64(c.longest)*(plotRight-plotLeft)
}

func (c *chart) rule(y float64, class string, to time.Duration) {
	y = math.Floor(y) + 0.5 // sharp
	c.line(class, point{plotLeft, y}, point{c.x(to), y})
}

// name writes which run it is, and what came of it.
func (c *chart) name(r *measure.Result, y float64) float64 {
	class := "fine"
	if !r.Clean() {
		class = "bad"
	}
	c.words(0, y+14, words{"title", shorten(r.Name, 70)}, words{"title " + class, typeset.Plural(r.Felt.Errors, "error")},
		words{"", typeset.Plural(r.Felt.Answers, "answer") + " in " + typeset.Seconds(r.Took.Duration())})
	return y + 26
}

// run draws one run from y down, and returns where it ends.
func (c *chart) run(r *measure.Result, y float64) float64 {
	top := c.marks(r, y)
	y = c.answers(r, top)
	y = c.responses(r, y+laneGap)
	y = c.failures(r, y+laneGap)
	for _, m := range r.Marks {
		x := c.x(m.At.Duration())
		c.line("mark", point{x, top - 2}, point{x, y})
	}
	if !c.slide {
		c.hovers(r, top+headHeight, y)
	}
	return y
}

// hovers are areas that tell their figures when pointed at.
func (c *chart) hovers(r *measure.Result, top, bottom float64) {
	const most = 300
	per := (len(r.Timeline.Buckets) + most - 1) / most
	for i := 0; i < len(r.Timeline.Buckets); i += per {
		var sum measure.Bucket
		last := min(i+per, len(r.Timeline.Buckets))
		failed := 0
		for _, b := range r.Timeline.Buckets[i:last] {
			sum.Answers += b.Answers
			sum.P50, sum.P99, sum.Max = max(sum.P50, b.P50), max(sum.P99, b.P99), max(sum.Max, b.Max)
			failed += b.Failed()
		}
		step := r.Timeline.Step.Duration()
		from, to := time.Duration(i)*step, min(r.Took.Duration(), time.Duration(last)*step)
		c.rect("hover", fmt.Sprintf("%.2f to %.2f s: %s, %s; median %s, p99 %s, longest %s",
			from.Seconds(), to.Seconds(), typeset.Plural(sum.Answers, "answer"), typeset.Plural(failed, "error"),
			typeset.Latency(sum.P50.Duration()), typeset.Latency(sum.P99.Duration()), typeset.Latency(sum.Max.Duration())),
			c.x(from), top, max(0.5, c.x(to)-c.x(from)), bottom-top)
	}
}

// timeAxis draws the scale of time below the last run.
func (c *chart) timeAxis(y float64) {
	tick := niceTick(c.longest)
	for at := time.Duration(0); at <= c.longest; at += tick {
		c.line("base", point{c.x(at), y + 0.5}, point{c.x(at), y + 4.5})
		c.text(c.x(at), y+18, "mid", tickLabel(at, c.longest))
	}
	c.text((plotLeft+plotRight)/2, y+36, "mid", "time since the beginning of the run, "+tickUnit(c.longest))
}

// niceTick divides a stretch of time into at most twelve round parts.
func niceTick(d time.Duration) time.Duration {
	for _, t := range []time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
		15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
	} {
		if d/t <= 12 {
			return t
		}
	}
	return d/10 + 1
}

func tickUnit(longest time.Duration) string {
	if longest > 5*time.Minute {
		return "minutes"
	}
	return "seconds"
}

func tickLabel(at, longest time.Duration) string {
	if longest > 5*time.Minute {
		return typeset.Clock(at)
	}
	return fmt.Sprintf("%g", at.Seconds())
}

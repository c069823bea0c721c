package bench

import (
	"fmt"
	"html"
	"strings"
	"time"

	"segue/bench/typeset"
)

// Measures of the picture, in CSS pixels.
const (
	chartWidth = 1120
	plotLeft   = 150 // room for labels
	plotRight  = 1100
	railHeight = 14 // one backend's life
	railGap    = 4
	laneHeight = 84 // statements; errors
	laneGap    = 22
	panelGap   = 46
	axisHeight = 68
)

// chart draws runs below each other on one scale of time and one of height, so
// that they can be compared by eye.
type chart struct {
	b       strings.Builder
	speed   float64
	longest time.Duration
	// the highest bucket of all runs
	answers, errors int
}

// Picture draws runs as one self-contained SVG image, light or dark as the
// reader's system asks. speed is how much faster than in real time the cluster
// lived.
func Picture(runs []*Run, speed float64) string {
	c := &chart{speed: speed, longest: time.Second, answers: 1, errors: 1}
	for _, r := range runs {
		c.longest = max(c.longest, r.Took)
		for _, b := range r.Timeline.Buckets {
			c.answers, c.errors = max(c.answers, b.Answered), max(c.errors, b.Errors)
		}
	}
	y := 6
	for _, r := range runs {
		y = c.panel(r, y) + panelGap
	}
	height := y - panelGap + axisHeight
	c.axis(y - panelGap)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="Errors and statements over time, per run">`,
		chartWidth, height) + "\n<style>" + chartStyle + "</style>\n" + c.b.String() + "</svg>"
}

// chartStyle names every colour once, for light and for dark.
const chartStyle = `
svg{--ink:#1d1d1b;--soft:#63625d;--line:#dcdbd5;--good:#2a78d6;--fine:#1f7a4d;--bad:#d03b3b;--leave:#eda100;--gone:#a9a79d;--out:#7c5cc4;
font:13px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
@media (prefers-color-scheme:dark){svg{--ink:#f1f0ec;--soft:#a9a79d;--line:#3a3a37;--good:#5b9ef0;--fine:#5fc58f;--bad:#ef6a6a;--leave:#f5bd3d;--gone:#6f6e68;--out:#a68bea}}
.ink{fill:var(--ink)}.soft{fill:var(--soft)}.small{font-size:11px}.faint{font-size:10px;fill:var(--soft);opacity:.8}.title{font-size:16px;font-weight:600}
.rule{stroke:var(--line);stroke-width:1}.area{fill:var(--good);opacity:.28}.edge{fill:none;stroke:var(--good);stroke-width:1.5}
.fine{fill:var(--fine)}.note{fill:var(--soft);font-size:13px;font-weight:400}.bad{fill:var(--bad)}.up{fill:var(--line)}.leave{fill:var(--leave)}.gone{fill:var(--gone)}.out{fill:var(--out)}
.end{text-anchor:end}.mid{text-anchor:middle}`

// x is where a time stands.
func (c *chart) x(at time.Duration) float64 {
	return plotLeft + float64(at)/float64(c.longest)*(plotRight-plotLeft)
}

func (c *chart) text(x float64, y int, class, text string) {
	fmt.Fprintf(&c.b, `<text x="%.1f" y="%d" class="%s">%s</text>`+"\n", x, y, class, html.EscapeString(text))
}

func (c *chart) rect(from, to time.Duration, y, height float64, class, title string) {
	left := c.x(from)
	fmt.Fprintf(&c.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"><title>%s</title></rect>`+"\n",
		left, y, max(1, c.x(to)-left), height, class, html.EscapeString(title))
}

func (c *chart) rule(y int, to time.Duration) {
	fmt.Fprintf(&c.b, `<path d="M%d %d.5H%.1f" class="rule"/>`+"\n", plotLeft, y, c.x(to))
}

// panel draws one run from y down and returns where it ends.
func (c *chart) panel(r *Run, y int) int {
	y += 16
	class := "fine"
	if r.Tally.Errors() > 0 {
		class = "bad"
	}
	fmt.Fprintf(&c.b, `<text x="0" y="%d" class="ink title">%s<tspan dx="14" class="%s">%s</tspan><tspan dx="14" class="note">in %s, %s</tspan></text>`+"\n",
		y, html.EscapeString(r.Name), class, typeset.Plural(r.Tally.Errors(), "error"), typeset.Plural(r.Tally.Count(Answered), "statement"), typeset.Plural(r.Restarts(), "restart"))
	y = c.rails(r, y+14)
	y = c.answered(r, y+laneGap)
	return c.failed(r, y+laneGap)
}

// rails draws the life of each backend.
func (c *chart) rails(r *Run, y int) int {
	row := map[string]int{}
	for _, name := range r.Timeline.backends() {
		row[name] = y + len(row)*(railHeight+railGap)
		c.text(plotLeft-10, row[name]+railHeight-3, "soft small end", name)
		c.rect(0, r.Took, float64(row[name]), railHeight, "up", name+" serves")
	}
	for _, s := range r.Timeline.Spans(r.Took) {
		top, height, class := float64(row[s.Backend]), float64(railHeight), "leave"
		if s.Change == Exited {
			class = "gone"
		}
		if s.Change == TakenOut {
			top, height, class = top+railHeight-4, 4, "out"
		}
		c.rect(s.From, s.To, top, height, class, fmt.Sprintf("%s %s: %s to %s, %s at real speed",
			s.Backend, s.Change, typeset.Seconds(s.From), typeset.Seconds(s.To), typeset.Clock(realTime(s.To-s.From, c.speed))))
	}
	return y + len(row)*(railHeight+railGap)
}

// answered draws the statements that got their answer, as an area.
func (c *chart) answered(r *Run, y int) int {
	l, base := &r.Timeline, y+laneHeight
	perSecond := float64(c.answers) / l.step().Seconds()
	c.text(plotLeft-10, y+12, "soft small end", "answers")
	c.text(plotLeft-10, y+27, "soft small end", typeset.Count(int(perSecond))+"/s")
	var path strings.Builder
	for i, b := range l.Buckets {
		from := time.Duration(i) * l.step()
		to := min(r.Took, from+l.step())
		if to-from < l.step()/2 { // too short for a rate
			break
		}
		rate := float64(b.Answered) * float64(l.step()) / float64(to-from)
		top := float64(base) - min(1, rate/float64(c.answers))*laneHeight
		fmt.Fprintf(&path, "L%.1f %.1fH%.1f", c.x(from), top, c.x(to))
	}
	if path.Len() > 0 {
		steps := path.String()
		fmt.Fprintf(&c.b, `<path d="M%d %d%sV%dZ" class="area"/><path d="M%s" class="edge"/>`+"\n", plotLeft, base, steps, base, steps[1:])
	}
	c.rule(base, r.Took)
	return base
}

// failed draws the errors, as bars.
func (c *chart) failed(r *Run, y int) int {
	l, base := &r.Timeline, y+laneHeight
	c.text(plotLeft-10, y+12, "soft small end", "errors")
	c.text(plotLeft-10, y+27, "soft small end", fmt.Sprintf("%s/%v", typeset.Count(c.errors), l.step()))
	for i, b := range l.Buckets {
		if b.Errors == 0 {
			continue
		}
		at := time.Duration(i) * l.step()
		height := max(2, float64(b.Errors)/float64(c.errors)*laneHeight)
		c.rect(at, at+l.step()*9/10, float64(base)-height, height, "bad", fmt.Sprintf("%s at %s", typeset.Plural(b.Errors, "error"), typeset.Seconds(at)))
	}
	if r.Tally.Errors() == 0 {
		c.text(c.x(r.Took/2), base-laneHeight/2+6, "fine title mid", "no error")
	}
	c.rule(base, r.Took)
	return base
}

// axis draws the scale of time and the legend at y.
func (c *chart) axis(y int) {
	tick := niceTick(realTime(c.longest, c.speed))
	for at := time.Duration(0); ; at += tick {
		demo := time.Duration(float64(at) / c.speed)
		if demo > c.longest {
			break
		}
		c.text(c.x(demo), y+16, "soft small mid", typeset.Clock(at))
		if at > 0 {
			c.text(c.x(demo), y+30, "faint mid", typeset.Seconds(demo))
		}
	}
	c.text(plotLeft-24, y+16, "soft small end", "at real speed")
	c.text(plotLeft-24, y+30, "faint end", "in the demo")
	x := float64(plotLeft)
	for _, item := range []struct{ class, text string }{
		{"up", "serves"}, {"leave", "leaving (told to exit, still serves)"}, {"gone", "gone (its port refuses)"}, {"out", "out of the load balancer's rotation"},
	} {
		fmt.Fprintf(&c.b, `<rect x="%.1f" y="%d" width="11" height="11" class="%s"/>`, x, y+48, item.class)
		c.text(x+17, y+58, "soft small", item.text)
		x += 17 + float64(len(item.text))*6 + 24
	}
}

// niceTick divides a stretch of time into six to twelve round parts.
func niceTick(d time.Duration) time.Duration {
	for _, t := range []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute} {
		if d/t <= 12 {
			return t
		}
	}
	return d/10 + 1
}

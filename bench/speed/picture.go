package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Measures of a picture, in CSS pixels.
const (
	panelWidth  = 340
	panelHeight = 270
	plotLeft    = 52
	plotRight   = 320
	plotTop     = 44
	plotBottom  = 214
	keyHeight   = 30
)

// pictureStyle names every colour once, for light and for dark.
const pictureStyle = `svg{--page:#fbfaf7;--ink:#1d1d1b;--soft:#63625d;--line:#dcdbd5;--s0:#8a8880;--s1:#2a78d6;--s2:#2a9d8f;--s3:#7c5cc4;--s4:#e08a00}
@media (prefers-color-scheme:dark){svg{--page:#191918;--ink:#f1f0ec;--soft:#a9a79d;--line:#3a3a37;--s0:#8f8d84;--s1:#5b9ef0;--s2:#4cc3b3;--s3:#a68bea;--s4:#f5b13d}}
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--soft)}
.page{fill:var(--page)}.title{font-weight:600;fill:var(--ink)}.end{text-anchor:end}.mid{text-anchor:middle}.rule{stroke:var(--line)}
.s0{stroke:var(--s0);fill:var(--s0)}.s1{stroke:var(--s1);fill:var(--s1)}.s2{stroke:var(--s2);fill:var(--s2)}.s3{stroke:var(--s3);fill:var(--s3)}.s4{stroke:var(--s4);fill:var(--s4)}
path{fill:none!important;stroke-width:1.8}.expected{stroke-width:.8;stroke-dasharray:4 3}`

// picture draws each figure of an axis in a panel of its own, side by side, on logarithmic scales: what grows linearly is a straight line.
func picture(a axis, all []grown) string {
	var b strings.Builder
	fronts := map[string]int{}
	for i, s := range seriesOf(all, resident) { // all fronts have it
		fronts[s.front] = i % 5
	}
	for i, g := range a.figures {
		d := panel{&b, scale{}, scale{}, float64(i * panelWidth), fronts}
		d.draw(a, g, seriesOf(all, g.name), sizesOf(all))
	}
	x := float64(plotLeft)
	for _, s := range seriesOf(all, resident) {
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%d" r="4" class="s%d"/><text x="%.1f" y="%d">%s</text>`+"\n", x, panelHeight+8, fronts[s.front], x+9, panelHeight+12, html.EscapeString(s.front))
		x += 30 + 7*float64(len(s.front))
	}
	fmt.Fprintf(&b, `<path d="M%.1f %dh24" class="rule expected" style="stroke:var(--soft)"/><text x="%.1f" y="%d">expected at most: linear from the first point (constant: CPU per statement, time until down)</text>`+"\n",
		x, panelHeight+8, x+30, panelHeight+12)
	width, height := panelWidth*len(a.figures), panelHeight+keyHeight
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s"><style>%s</style>`+"\n"+`<rect width="%d" height="%d" class="page"/>`+"\n",
		width, height, html.EscapeString("What grows with the number of "+a.of), pictureStyle, width, height) + b.String() + "</svg>\n"
}

// scale is a logarithmic one, from value to pixel.
type scale struct{ low, high, from, to float64 }

func (s scale) at(v float64) float64 {
	return s.from + (s.to-s.from)*math.Log(v/s.low)/math.Log(s.high/s.low)
}

// spanning is the scale of round numbers around values.
func spanning(values []float64, from, to float64) scale {
	low, high := math.Inf(1), 0.0
	for _, v := range values {
		v = max(v, tiny)
		low, high = min(low, v), max(high, v)
	}
	if high == 0 {
		low, high = 1, 10
	}
	s := scale{round125(low, false), round125(high, true), from, to}
	if s.low == s.high {
		s.high *= 10
	}
	return s
}

// round125 rounds to 1, 2 or 5 times a power of ten: the greatest that is not above, or the least that is not below.
func round125(v float64, up bool) float64 {
	power := math.Pow10(int(math.Floor(math.Log10(v))))
	steps := []float64{1, 2, 5, 10}
	for i, step := range steps {
		if v <= step*power*1.000001 {
			if up || v >= step*power*0.999999 {
				return step * power
			}
			return steps[i-1] * power
		}
	}
	return 10 * power
}

// ticks are the round numbers on the scale, fewer where it is long.
func (s scale) ticks() (all []float64) {
	for e := math.Floor(math.Log10(s.low)); e <= math.Ceil(math.Log10(s.high)); e++ {
		for _, m := range []float64{1, 2, 5} {
			v := m * math.Pow10(int(e))
			if v < s.low*0.999 || v > s.high*1.001 || m > 1 && s.high/s.low > 200 {
				continue
			}
			all = append(all, v)
		}
	}
	return all
}

// panel is one figure's place.
type panel struct {
	b      *strings.Builder
	x, y   scale
	left   float64
	fronts map[string]int // their colours
}

func (d *panel) draw(a axis, g growing, list []series, sizes []int) {
	var values, across []float64
	for _, s := range list {
		for _, p := range s.points {
			values = append(values, p.least, p.most)
		}
	}
	for _, n := range sizes {
		across = append(across, float64(n))
	}
	d.x = spanning(across, d.left+plotLeft, d.left+plotRight)
	d.y = spanning(values, plotBottom, plotTop)
	fmt.Fprintf(d.b, `<text x="%.1f" y="18" class="title">%s</text><text x="%.1f" y="34">%s</text>`+"\n",
		d.left+plotLeft, html.EscapeString(g.name), d.left+plotLeft, html.EscapeString(g.unit))
	for _, v := range d.y.ticks() {
		fmt.Fprintf(d.b, `<path d="M%.1f %.1fH%.1f" class="rule" style="stroke-width:1"/><text x="%.1f" y="%.1f" class="end">%g</text>`+"\n",
			d.x.from, d.y.at(v), d.x.to, d.x.from-6, d.y.at(v)+4, v)
	}
	for _, n := range across {
		fmt.Fprintf(d.b, `<text x="%.1f" y="%d" class="mid">%g</text>`+"\n", d.x.at(n), plotBottom+18, n)
	}
	fmt.Fprintf(d.b, `<text x="%.1f" y="%d" class="mid">%s</text>`+"\n", (d.x.from+d.x.to)/2, plotBottom+38, a.of)
	for _, s := range list {
		d.expect(g, s)
		d.line(s)
	}
}

// tiny stands for nothing, of which there is no logarithm.
const tiny = 0.001

// line draws what was measured: the medians, and from the least to the greatest.
func (d *panel) line(s series) {
	var path strings.Builder
	colour := d.fronts[s.front]
	for j, p := range s.points {
		x, y := d.x.at(float64(p.size)), d.y.at(max(p.median, tiny))
		fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(j, 1)], x, y)
		fmt.Fprintf(d.b, `<circle cx="%.1f" cy="%.1f" r="3" class="s%d"><title>%s: %s</title></circle><path d="M%.1f %.1fV%.1f" class="s%d" style="stroke-width:1"/>`+"\n",
			x, y, colour, html.EscapeString(s.front), p.spread, x, d.y.at(max(p.least, tiny)), d.y.at(max(p.most, tiny)), colour)
	}
	fmt.Fprintf(d.b, `<path d="%s" class="s%d"/>`+"\n", path.String(), colour)
}

// expect draws what was expected, from the first point to the edge of the plot.
func (d *panel) expect(g growing, s series) {
	if len(s.points) == 0 {
		return
	}
	n, v := float64(s.points[0].size), max(s.points[0].median, tiny)
	toN, toV := d.x.high, v
	if !g.stays {
		toN = min(d.x.high, n*d.y.high/v)
		toV = v * toN / n
	}
	fmt.Fprintf(d.b, `<path d="M%.1f %.1fL%.1f %.1f" class="s%d expected"/>`+"\n", d.x.at(n), d.y.at(v), d.x.at(toN), d.y.at(toV), d.fronts[s.front])
}

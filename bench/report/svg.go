package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"strings"
)

// wordGap is between two texts of one line, in CSS pixels.
const wordGap = 14

// svg writes a figure, painted as a style sheet says.
func (f *figure) svg(style string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="%g %g %g %g" role="img" aria-label="%s">`+"\n<style>%s</style>\n",
		f.left, f.top, f.width, f.height, escaped(cmp.Or(f.label, "Answers, response times and errors over time")), style)
	for _, s := range f.shapes {
		s.svg(&b)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (s *shape) svg(b *strings.Builder) {
	p := s.points[0]
	switch s.kind {
	case filled, drawn:
		fmt.Fprintf(b, `<path d="%s" class="%s">%s</path>`+"\n", s.path(), s.class, titleOf(s.title))
	case round:
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="%.1f" class="%s">%s</circle>`+"\n", p.x, p.y, s.radius, s.class, titleOf(s.title))
	case lettered:
		if len(s.words) == 1 {
			fmt.Fprintf(b, `<text x="%.1f" y="%.1f" class="%s">%s</text>`+"\n", p.x, p.y, s.words[0].class, escaped(s.words[0].text))
			return
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f">`, p.x, p.y)
		for i, w := range s.words {
			fmt.Fprintf(b, `<tspan dx="%d" class="%s">%s</tspan>`, min(i, 1)*wordGap, w.class, escaped(w.text))
		}
		b.WriteString("</text>\n")
	}
}

func titleOf(text string) string {
	if text == "" {
		return ""
	}
	return "<title>" + escaped(text) + "</title>"
}

// escaped is text as XML may have it: with a sign in place of what it may not.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}

// path is the shape's outline. Most of it goes straight across or down.
func (s *shape) path() string {
	var b strings.Builder
	for i, p := range s.points {
		switch x, y := fmt.Sprintf("%.1f", p.x), fmt.Sprintf("%.1f", p.y); {
		case i == 0:
			b.WriteString("M" + x + " " + y)
		case p.y == s.points[i-1].y:
			b.WriteString("H" + x)
		case p.x == s.points[i-1].x:
			b.WriteString("V" + y)
		default:
			b.WriteString("L" + x + " " + y)
		}
	}
	if s.kind == filled {
		b.WriteString("Z")
	}
	return b.String()
}

package report

import (
	"fmt"
	"strings"
)

// Colours are named once, for light and for dark.
const (
	lightColours = "--page:#fbfaf7;--card:#ffffff;--ink:#1d1d1b;--soft:#63625d;--line:#dcdbd5;--good:#1f7a4d;--bad:#c22f2f;" +
		"--answers:#2a78d6;--p50:#2a9d8f;--p99:#7c5cc4;--longest:#a9a79d;--mark:#8a6d1a;" +
		"--e0:#d03b3b;--e1:#e08a00;--e2:#7c5cc4;--e3:#2a78d6;--e4:#1d1d1b;--e5:#8a5a2b"
	darkColours = "--page:#191918;--card:#222221;--ink:#f1f0ec;--soft:#a9a79d;--line:#3a3a37;--good:#5fc58f;--bad:#ef6a6a;" +
		"--answers:#5b9ef0;--p50:#4cc3b3;--p99:#a68bea;--longest:#7d7b74;--mark:#d8b64a;" +
		"--e0:#ef6a6a;--e1:#f5b13d;--e2:#a68bea;--e3:#5b9ef0;--e4:#f1f0ec;--e5:#c99a6b"
)

// colours defines them on an element, dark where the reader's system is.
func colours(selector string) string {
	return selector + "{" + lightColours + "}\n@media (prefers-color-scheme:dark){" + selector + "{" + darkColours + "}}\n"
}

// light are the light colours by name.
func light() map[string]string {
	byName := map[string]string{}
	for definition := range strings.SplitSeq(lightColours, ";") {
		name, colour, _ := strings.Cut(definition, ":")
		byName[strings.TrimPrefix(name, "--")] = colour
	}
	return byName
}

// style is how shapes of a class are painted. A zero field says nothing: a shape
// may have several classes, the later ones over the earlier.
type style struct {
	fill, stroke string  // names of colours
	width        float64 // of the stroke, in CSS pixels
	dash         float64 // length of its dashes and of the gaps; zero: none
	opacity      float64
	size         float64 // of letters, in CSS pixels
	bold         bool
	anchor       string // of a text: "middle" or "end" is at its point
}

// styles are those of all classes, in the order of the style sheet.
func styles() []struct {
	class string
	style
} {
	return []struct {
		class string
		style
	}{
		{"ink", style{fill: "ink"}},
		{"title", style{fill: "ink", size: 15, bold: true}},
		{"head", style{fill: "ink", bold: true}},
		{"fine", style{fill: "good"}},
		{"bad", style{fill: "bad"}},
		{"end", style{anchor: "end"}},
		{"mid", style{anchor: "middle"}},
		{"rule", style{stroke: "line", width: 1}},
		{"base", style{stroke: "soft", width: 1}},
		{"sheet", style{fill: "card"}},
		{"area", style{fill: "answers", opacity: 0.22}},
		{"answers", style{stroke: "answers", width: 1.5}},
		{"p50", style{stroke: "p50", width: 1.5}},
		{"p99", style{stroke: "p99", width: 1.5}},
		{"longest", style{stroke: "longest", width: 1}},
		{"mark", style{stroke: "mark", width: 1, dash: 3, opacity: 0.8}},
		{"disc", style{fill: "mark"}},
		{"number", style{fill: "page", size: 10, bold: true, anchor: "middle"}},
		{"e0", style{fill: "e0"}},
		{"e1", style{fill: "e1"}},
		{"e2", style{fill: "e2"}},
		{"e3", style{fill: "e3"}},
		{"e4", style{fill: "e4"}},
	}
}

// letters is how a text is set whose classes say nothing else.
func letters() style { return style{fill: "soft", size: 12} }

// over is s with what t says in its place.
func (s style) over(t style) style {
	set(&s.fill, t.fill)
	set(&s.stroke, t.stroke)
	set(&s.width, t.width)
	set(&s.dash, t.dash)
	set(&s.opacity, t.opacity)
	set(&s.size, t.size)
	set(&s.bold, t.bold)
	set(&s.anchor, t.anchor)
	return s
}

func set[T comparable](field *T, value T) {
	var zero T
	if value != zero {
		*field = value
	}
}

// chartStyle is the style sheet of a picture on a page that defines the colours.
func chartStyle() string { return sheet(func(name string) string { return "var(--" + name + ")" }) }

// slideStyle has the light colours written out: programs that make slides know no
// variables.
func slideStyle() string {
	colours := light()
	return sheet(func(name string) string { return colours[name] })
}

// sheet is the style sheet of all classes.
func sheet(colour func(name string) string) string {
	var b strings.Builder
	l := letters()
	fmt.Fprintf(&b, `text{font:%gpx system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:%s}`+"\n", l.size, colour(l.fill))
	for _, s := range styles() {
		fmt.Fprintf(&b, ".%s{", s.class)
		for _, rule := range []struct {
			name string
			said bool
			text string
		}{
			{"fill", s.fill != "", colour(s.fill)},
			{"fill", s.stroke != "", "none"},
			{"stroke", s.stroke != "", colour(s.stroke)},
			{"stroke-width", s.width > 0, fmt.Sprint(s.width)},
			{"stroke-dasharray", s.dash > 0, fmt.Sprint(s.dash)},
			{"opacity", s.opacity > 0, fmt.Sprint(s.opacity)},
			{"font-size", s.size > 0, fmt.Sprint(s.size) + "px"},
			{"font-weight", s.bold, "600"},
			{"text-anchor", s.anchor != "", s.anchor},
		} {
			if rule.said {
				fmt.Fprintf(&b, "%s:%s;", rule.name, rule.text)
			}
		}
		b.WriteString("}\n")
	}
	fmt.Fprintf(&b, ".hover{fill:transparent}.hover:hover{fill:%s;opacity:.08}", colour("ink"))
	return b.String()
}

package report

import "strings"

// Colours are named once, for light and for dark.
const (
	lightColours = "--page:#fbfaf7;--card:#fff;--ink:#1d1d1b;--soft:#63625d;--line:#dcdbd5;--good:#1f7a4d;--bad:#c22f2f;" +
		"--answers:#2a78d6;--p50:#2a9d8f;--p99:#7c5cc4;--longest:#a9a79d;--mark:#8a6d1a;" +
		"--e0:#d03b3b;--e1:#e08a00;--e2:#7c5cc4;--e3:#2a78d6;--e4:#1d1d1b"
	darkColours = "--page:#191918;--card:#222221;--ink:#f1f0ec;--soft:#a9a79d;--line:#3a3a37;--good:#5fc58f;--bad:#ef6a6a;" +
		"--answers:#5b9ef0;--p50:#4cc3b3;--p99:#a68bea;--longest:#7d7b74;--mark:#d8b64a;" +
		"--e0:#ef6a6a;--e1:#f5b13d;--e2:#a68bea;--e3:#5b9ef0;--e4:#f1f0ec"
)

// colours defines them on an element, dark where the reader's system is.
func colours(selector string) string {
	return selector + "{" + lightColours + "}\n@media (prefers-color-scheme:dark){" + selector + "{" + darkColours + "}}\n"
}

// chartStyle is how a picture is painted.
const chartStyle = `text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--soft)}
.ink{fill:var(--ink)}.title{font-size:15px;font-weight:600;fill:var(--ink)}.head{font-weight:600;fill:var(--ink)}.fine{fill:var(--good)}.bad{fill:var(--bad)}
.end{text-anchor:end}.mid{text-anchor:middle}.rule{stroke:var(--line);stroke-width:1}.base{stroke:var(--soft);stroke-width:1}
.area{fill:var(--answers);opacity:.22}.answers,.p50,.p99,.longest{fill:none;stroke-width:1.5;stroke-linejoin:round}
.answers{stroke:var(--answers)}.p50{stroke:var(--p50)}.p99{stroke:var(--p99)}.longest{stroke:var(--longest);stroke-width:1}
.mark{stroke:var(--mark);stroke-width:1;stroke-dasharray:3 3;opacity:.8}.disc{fill:var(--mark)}.number{fill:var(--page);font-size:10px;font-weight:600;text-anchor:middle}
.e0{fill:var(--e0)}.e1{fill:var(--e1)}.e2{fill:var(--e2)}.e3{fill:var(--e3)}.e4{fill:var(--e4)}.hover{fill:transparent}.hover:hover{fill:var(--ink);opacity:.08}`

// slideStyle is chartStyle with the light colours written out: programs that make
// slides know no variables.
func slideStyle() string {
	var pairs []string
	for definition := range strings.SplitSeq(lightColours, ";") {
		name, colour, _ := strings.Cut(definition, ":")
		pairs = append(pairs, "var("+name+")", colour)
	}
	return strings.NewReplacer(pairs...).Replace(chartStyle)
}

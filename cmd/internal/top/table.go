package top

import (
	"cmp"
	"slices"
	"strings"

	"segue/bench/typeset"
)

// column is one of a table.
type column struct {
	title string
	right bool // its end stands at the right, as of numbers
	drop  int  // where there is no room the columns with the highest go first; 0: it stays
	most  int  // it is cut to so many columns; 0: it is not
	maybe bool // it is not shown where no row has anything there
	rest  bool // it gets what the others leave, at least so that its title stands there
}

// cell is what stands in a column: a text, and by what it is sorted if that is a number.
type cell struct {
	text  string
	rank  float64
	style Style
}

// row is one, known by its id.
type row struct {
	id    string
	of    string // the backend that it belongs to
	cells []cell
}

// table is how one is looked at.
type table struct {
	name    string // what it has: backends
	columns []column
	sort    int // the column that it is sorted by; -1: as it comes
	down    bool
	filter  string
	of      string // the only backend whose rows are shown; empty: those of all
	chosen  string // the id of a row; empty: the first
	last    int    // where that stood, for when it has gone
}

// arrange leaves out what the filter does not let through, and sorts the rest.
func (t *table) arrange(rows []row) []row {
	words := strings.Fields(strings.ToLower(t.filter))
	kept := make([]row, 0, len(rows))
	for _, r := range rows {
		if (t.of == "" || r.of == t.of) && r.has(words) {
			kept = append(kept, r)
		}
	}
	if t.sort < 0 {
		return kept
	}
	slices.SortStableFunc(kept, func(a, b row) int {
		order := compare(a.cells[t.sort], b.cells[t.sort])
		if t.down {
			return -order
		}
		return order
	})
	return kept
}

func compare(a, b cell) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.text, b.text))
}

// has tells whether each of the words stands somewhere in the row.
func (r row) has(words []string) bool {
	for _, w := range words {
		if !slices.ContainsFunc(r.cells, func(c cell) bool { return strings.Contains(strings.ToLower(c.text), w) }) {
			return false
		}
	}
	return true
}

// at is where the chosen row stands among those arranged. Where it has gone it is the one in its place.
func (t *table) at(rows []row) int {
	if i := slices.IndexFunc(rows, func(r row) bool { return r.id == t.chosen }); i >= 0 {
		return i
	}
	return max(0, min(t.last, len(rows)-1))
}

// move chooses the row that stands so many further down.
func (t *table) move(rows []row, by int) {
	if len(rows) == 0 {
		return
	}
	t.last = max(0, min(t.at(rows)+by, len(rows)-1))
	t.chosen = rows[t.last].id
}

// keep remembers where the chosen row stands.
func (t *table) keep(rows []row) {
	if len(rows) > 0 {
		t.last = t.at(rows)
		t.chosen = rows[t.last].id
	}
}

// nextSort sorts by the next column, or the one before; behind the last the rows stand as they come.
func (t *table) nextSort(by int) {
	n := len(t.columns) + 1
	t.sort = (t.sort+1+by+n)%n - 1
	t.down = false
}

// gap is what stands between two columns.
const gap = 1

// widths are those of the columns in so much room; 0: it is not shown.
func (t *table) widths(rows []row, room int) []int {
	w := make([]int, len(t.columns))
	for i, c := range t.columns {
		if c.maybe && !slices.ContainsFunc(rows, func(r row) bool { return r.cells[i].text != "-" }) {
			continue
		}
		w[i] = typeset.Width(c.title) + 1 // for the sign of sorting
		if c.rest {
			w[i] = max(w[i], 12)
			continue
		}
		for _, r := range rows {
			w[i] = max(w[i], typeset.Width(r.cells[i].text))
		}
		if c.most > 0 {
			w[i] = min(w[i], max(c.most, typeset.Width(c.title)+1))
		}
	}
	for sum(w) > room {
		worst := 0
		for i, c := range t.columns {
			if w[i] > 0 && c.drop > t.columns[worst].drop {
				worst = i
			}
		}
		if t.columns[worst].drop == 0 || w[worst] == 0 {
			break
		}
		w[worst] = 0
	}
	for i, c := range t.columns {
		if c.rest && w[i] > 0 {
			w[i] = max(w[i], w[i]+room-sum(w))
		}
	}
	return w
}

// sum is what the columns take together.
func sum(widths []int) (n int) {
	for _, w := range widths {
		if w > 0 {
			n += w + gap
		}
	}
	return max(0, n-gap)
}

// lines are the titles and so many rows of those arranged that the chosen one is among them.
func (t *table) lines(rows []row, columns, height int, focused, stale bool) (lines []Line) {
	if height < 1 {
		return nil
	}
	widths := t.widths(rows, columns)
	var title Line
	for i, c := range t.columns {
		if widths[i] == 0 {
			continue
		}
		text := c.title
		if i == t.sort {
			text += map[bool]string{false: "^", true: "v"}[t.down]
		}
		title = append(title, Span{typeset.Pad(text, widths[i]+gap, false), Bold})
		if c.right {
			title[len(title)-1].Text = typeset.Pad(text, widths[i], true) + strings.Repeat(" ", gap)
		}
	}
	lines = append(lines, title.trimmed().fit(columns))
	at, shown := t.at(rows), height-1
	first := max(0, min(at-shown/2, len(rows)-shown))
	for i := first; i < min(len(rows), first+shown); i++ {
		lines = append(lines, t.line(rows[i], widths, columns, focused && i == at, stale))
	}
	return lines
}

func (t *table) line(r row, widths []int, columns int, chosen, stale bool) (line Line) {
	for i, c := range t.columns {
		if widths[i] == 0 {
			continue
		}
		s := Span{typeset.Pad(r.cells[i].text, widths[i], c.right), r.cells[i].style}
		if chosen {
			s.Style = Chosen
		} else if stale {
			s.Style = Dim
		}
		space := Span{strings.Repeat(" ", gap), Plain}
		if chosen {
			space.Style = Chosen
		}
		line = append(line, s, space)
	}
	line = line[:max(0, len(line)-1)].fit(columns)
	if rest := columns - typeset.Width(line.String()); chosen && rest > 0 {
		line = append(line, Span{strings.Repeat(" ", rest), Chosen})
	}
	return line
}

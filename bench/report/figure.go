package report

// figure is a drawing as data: shapes in the order in which they are painted. A
// writer makes SVG of it, another one PNG.
type figure struct {
	label         string  // what it shows, for those who do not see it
	left, top     float64 // the corner of the sheet
	width, height float64
	shapes        []shape
}

// shape is one thing that is painted. Its class says how: see styles.
type shape struct {
	kind   kind
	class  string  // of words, each has its own
	points []point // of an area or a line; of a disc and of words there is one
	radius float64 // of a disc
	title  string  // shown when it is pointed at
	words  []words // set one after the other, the first at the point
}

// kind is which sort of shape it is.
type kind uint8

const (
	filled   kind = iota // an area
	drawn                // a line, open
	round                // a disc
	lettered             // words
)

type point struct{ x, y float64 }

type words struct{ class, text string }

func (f *figure) area(class, title string, points ...point) {
	f.shapes = append(f.shapes, shape{kind: filled, class: class, title: title, points: points})
}

func (f *figure) rect(class, title string, x, y, width, height float64) {
	f.area(class, title, point{x, y}, point{x + width, y}, point{x + width, y + height}, point{x, y + height})
}

func (f *figure) line(class string, points ...point) {
	f.shapes = append(f.shapes, shape{kind: drawn, class: class, points: points})
}

func (f *figure) disc(class, title string, x, y, radius float64) {
	f.shapes = append(f.shapes, shape{kind: round, class: class, title: title, points: []point{{x, y}}, radius: radius})
}

func (f *figure) text(x, y float64, class, s string) { f.words(x, y, words{class, s}) }

// words sets several texts in one line. Where one alone has its middle or its end at
// the point, several begin there.
func (f *figure) words(x, y float64, w ...words) {
	f.shapes = append(f.shapes, shape{kind: lettered, points: []point{{x, y}}, words: w})
}

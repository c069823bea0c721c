package report

import (
	"strconv"
	"time"

	"segue/bench/measure"
	"segue/bench/typeset"
)

// marks sets the marks' numbers, each with its text where that does not cover
// another.
func (c *chart) marks(r *measure.Result, y float64) float64 {
	if len(r.Marks) == 0 {
		return y
	}
	places := placeMarks(r.Marks, c.x)
	rows := 0
	for i, p := range places {
		if p.hidden {
			continue
		}
		rows = max(rows, p.row+1)
		row := y + float64(p.row)*markRow + 8
		x := c.x(r.Marks[i].At.Duration())
		c.disc("disc", typeset.Seconds(r.Marks[i].At.Duration())+" "+r.Marks[i].Text, x, row, 7.5)
		c.text(x, row+3.5, "number", strconv.Itoa(i+1))
		if p.text == "" {
			continue
		}
		if p.left {
			c.text(x-11, row+4, "ink end", p.text)
		} else {
			c.text(x+11, row+4, "ink", p.text)
		}
	}
	return y + float64(rows)*markRow + 8
}

// place is where a mark's number and text go.
type place struct {
	row    int
	text   string // "": there is no room for it
	left   bool   // it stands left of the number
	hidden bool   // there is no room for the number either: the table has it
}

// placeMarks finds room for marks, in a few rows; a row more is for numbers whose
// text would cover another. Pure.
func placeMarks(marks []measure.Mark, x func(time.Duration) float64) []place {
	const rows, perLetter, disc = 5, 6.4, 10
	bare := -1e9            // up to where the row of numbers is
	var taken [rows]float64 // up to where each row is
	for i := range taken {
		taken[i] = -1e9
	}
	places := make([]place, len(marks))
	for i, m := range marks {
		at, text := x(m.At.Duration()), shorten(m.Text, 34)
		width := perLetter*float64(len([]rune(text))) + disc
		p := place{row: -1}
		for row := range taken {
			right := at + disc + width
			switch {
			case at-disc < taken[row]:
				continue
			case right <= plotRight:
				p = place{row: row, text: text}
				taken[row] = right
			case at-disc-width > taken[row]:
				p = place{row: row, text: text, left: true}
				taken[row] = at + disc
			default:
				continue
			}
			break
		}
		if p.row < 0 {
			p = place{row: rows, hidden: at-disc < bare}
			if !p.hidden {
				bare = at + disc
			}
		}
		places[i] = p
	}
	return places
}

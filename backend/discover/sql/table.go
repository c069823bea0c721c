package sql

import "strings"

// Table is what a statement has answered. One that has no result set is empty.
type Table struct {
	Columns []string
	Rows    [][]string // NULL is the empty string; each row has as many values as there are columns
}

// Len is the number of rows.
func (t Table) Len() int { return len(t.Rows) }

// Get gives the value in a row, counted from 0, of the first of the columns that there is: servers rename columns between releases, and add some in front. Case does
// not matter. ok is false if there is no such row, or none of the columns.
func (t Table) Get(row int, columns ...string) (value string, ok bool) {
	if row < 0 || row >= len(t.Rows) {
		return "", false
	}
	for _, name := range columns {
		for i, c := range t.Columns {
			if i < len(t.Rows[row]) && strings.EqualFold(c, name) {
				return t.Rows[row][i], true
			}
		}
	}
	return "", false
}

package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Source string `json:"source"` // the file's name, or the flag or variable that gave the value
	Line   int    `json:"line"`   // from 1; zero when Source is not a file or could not be read
	Column int    `json:"column"` // from 1, in characters; zero together with Line
	What   string `json:"what"`
	Remedy string `json:"remedy"` // what to do about it
}

// String is `file:line:col: what; remedy`.
func (p Problem) String() string {
	place := p.Source
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", p.Source, p.Line, p.Column)
	}
	text := place + ": " + p.What
	if p.Remedy != "" {
		text += "; " + p.Remedy
	}
	return text
}

// Problems is every problem of one configuration, in the order of the file.
// It is the only error that Load and Parse return.
type Problems struct {
	List []Problem
}

// Error has one line per problem.
func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, problem := range p.List {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// sorted puts the list in the order of the file; settings from outside it,
// which have no line, come last.
func (p *Problems) sorted() *Problems {
	slices.SortStableFunc(p.List, func(a, b Problem) int {
		if (a.Line == 0) != (b.Line == 0) {
			return cmp.Compare(b.Line, a.Line)
		}
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return p
}

package ptytest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// screen is a terminal's, as far as this project's programs use one. What it does not know it shows, so that a test fails for it.
type screen struct {
	columns, rows     int
	cells             [][]rune
	x, y              int
	alternate, hidden bool
	rest              []byte // of a sequence whose end has yet to come
}

func newScreen(columns, rows int) *screen {
	s := &screen{}
	s.resize(columns, rows)
	return s
}

func (s *screen) resize(columns, rows int) {
	s.columns, s.rows = columns, rows
	s.cells = make([][]rune, rows)
	s.x, s.y = 0, 0
}

// String is its lines, without the spaces at their ends.
func (s *screen) String() string {
	var text strings.Builder
	for _, line := range s.cells {
		text.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return text.String()
}

func (s *screen) write(data []byte) {
	data = append(s.rest, data...)
	s.rest = nil
	for len(data) > 0 {
		n := s.one(data)
		if n == 0 {
			s.rest = append([]byte(nil), data...)
			return
		}
		data = data[n:]
	}
}

// one does what the first bytes say, and tells how many those are; 0: there are more to come.
func (s *screen) one(data []byte) int {
	switch c := data[0]; {
	case c == '\x1b':
		return s.sequence(data)
	case c == '\r':
		s.x = 0
		return 1
	case c == '\n':
		s.y++
		return 1
	case !utf8.FullRune(data):
		return 0
	}
	r, n := utf8.DecodeRune(data)
	s.put(r)
	return n
}

// put writes a letter where the cursor is.
func (s *screen) put(r rune) {
	for s.y >= s.rows {
		s.cells = append(s.cells[1:], nil)
		s.y--
	}
	line := s.cells[s.y]
	for len(line) <= s.x {
		line = append(line, ' ')
	}
	line[s.x] = r
	s.cells[s.y] = line
	s.x++
}

// sequence does one that begins with ESC [.
func (s *screen) sequence(data []byte) int {
	if len(data) < 2 {
		return 0
	}
	if data[1] != '[' {
		s.put('␛')
		return 1
	}
	end := 2
	for end < len(data) && (data[end] < '@' || data[end] > '~') {
		end++
	}
	if end == len(data) {
		return 0
	}
	s.control(string(data[2:end]), data[end])
	return end + 1
}

func (s *screen) control(parameters string, final byte) {
	var row, column int
	switch fmt.Sprintf("%c%s", final, parameters) {
	case "h?1049", "l?1049":
		s.alternate = final == 'h'
		s.resize(s.columns, s.rows)
		return
	case "h?25", "l?25":
		s.hidden = final == 'l'
		return
	case "H":
		s.x, s.y = 0, 0
		return
	case "J2":
		s.cells = make([][]rune, s.rows)
		return
	case "J":
		for y := s.y; y < s.rows; y++ {
			if s.cells[y] = s.cells[y][:min(len(s.cells[y]), s.x)]; y > s.y {
				s.cells[y] = nil
			}
		}
		return
	case "K":
		if s.y < s.rows {
			s.cells[s.y] = s.cells[s.y][:min(len(s.cells[s.y]), s.x)]
		}
		return
	}
	if final == 'm' {
		return
	}
	if n, err := fmt.Sscanf(parameters, "%d;%d", &row, &column); final == 'H' && err == nil && n == 2 {
		s.x, s.y = column-1, row-1
		return
	}
	for _, r := range "␛[" + parameters + strconv.Itoa(int(final)) {
		s.put(r)
	}
}

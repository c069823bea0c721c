package importer

import "strings"

// haLine is one line of an haproxy.cfg as words, quotes and escapes taken off.
type haLine struct {
	number int
	words  []string
}

func (l haLine) word(i int) string {
	if i < len(l.words) {
		return l.words[i]
	}
	return ""
}

// rest are the words from i on.
func (l haLine) rest(i int) []string {
	if i < len(l.words) {
		return l.words[i:]
	}
	return nil
}

// after is the word behind another, from i on.
func (l haLine) after(word string, i int) string {
	for ; i+1 < len(l.words); i++ {
		if l.words[i] == word {
			return l.words[i+1]
		}
	}
	return ""
}

// haLines are the lines that are not empty.
func haLines(text string) []haLine {
	var lines []haLine
	number := 0
	for line := range strings.Lines(text) {
		number++
		if words := haWords(strings.TrimRight(line, "\r\n")); len(words) > 0 {
			lines = append(lines, haLine{number, words})
		}
	}
	return lines
}

// haWords splits a line by HAProxy's rules (Configuration Manual, 2.2 Quoting and escaping): a backslash takes the next character as it is, but
// within single quotes; # begins a comment outside of quotes.
func haWords(line string) []string {
	var words []string
	var word strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(line):
			i++
			word.WriteByte(line[i])
			in = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '"' || c == '\'':
			quote, in = c, true
		case c == '#':
			i = len(line)
		case c == ' ' || c == '\t':
			if in {
				words = append(words, word.String())
				word.Reset()
			}
			in = false
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if in {
		words = append(words, word.String())
	}
	return words
}

package config

import "strings"

// Nearest is the word of known that is most likely meant by word, or "".
func Nearest(word string, known []string) string {
	best, most := "", max(1, (len([]rune(word))+1)/3)
	for _, k := range known {
		if d := distance(word, k); d <= most && (best == "" || d < most) {
			best, most = k, d
		}
	}
	if best != "" || len(word) < 3 {
		return best
	}
	for _, k := range known {
		if strings.HasPrefix(k, strings.ToLower(word)) {
			return k
		}
	}
	return ""
}

// distance counts the letters to insert, remove, replace or swap with their
// neighbour to make b of a ("optimal string alignment").
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > 100 || len(t) > 100 {
		return max(len(s), len(t)) // not a slip of the finger
	}
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			change := 1
			if s[i-1] == t[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(s)][len(t)]
}

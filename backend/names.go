package backend

import (
	"fmt"
	"strings"
)

// parseName finds the value of enum E whose name is text. what is the word for the enum in the error.
func parseName[E ~uint8](what string, names []string, text string) (E, error) {
	for i, name := range names {
		if name == text {
			return E(i), nil
		}
	}
	last := len(names) - 1
	return 0, fmt.Errorf("unknown %s %q: want %s or %s", what, text, strings.Join(names[:last], ", "), names[last])
}

// nameOf gives the name of v, or a text that shows that there is none.
func nameOf[E ~uint8](what string, names []string, v E) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("%s(%d)", what, v)
}

// Package said keeps what programs say, for errors about them.
package said

import (
	"io"
	"strings"
	"sync"
)

// most is how much is kept, in bytes.
const most = 2000

// Tail keeps the end of what a program says. The zero value is ready; it may be written to and read by several goroutines.
type Tail struct {
	To io.Writer // what is written is passed on, whatever comes of that; nil: to nobody

	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer. It never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.To != nil {
		_, _ = t.To.Write(p)
	}
	t.text = append(t.text, p...)
	if over := len(t.text) - most; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

// Lines are the last of them, n at most, without what is empty at the ends; none: it has said nothing. n below 1 is all that is kept.
func (t *Tail) Lines(n int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(string(t.text))
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	if n > 0 {
		lines = lines[max(0, len(lines)-n):]
	}
	return lines
}

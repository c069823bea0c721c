package hooks

import (
	"io"
	"strings"
	"sync"

	"segue/backend/wire"
)

// tail passes on what a command says, and keeps the end of it for errors.
type tail struct {
	to io.Writer

	mu   sync.Mutex
	text []byte
}

// mostSaid is how much is kept, in bytes.
const mostSaid = 2000

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.to != nil {
		_, _ = t.to.Write(p)
	}
	t.text = append(t.text, p...)
	if over := len(t.text) - mostSaid; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

// String is what it said last, to follow an error.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	if lines[0] == "" {
		return ""
	}
	const most = 5
	lines = lines[max(0, len(lines)-most):]
	for i, line := range lines {
		lines[i] = wire.Shown(line, wire.MaxShown)
	}
	return "; it said: " + strings.Join(lines, " / ")
}

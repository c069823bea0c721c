package proxy

import (
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	// complainEvery is how often the same thing is complained of.
	complainEvery = time.Minute
	// mostComplaints bounds what is remembered of them.
	mostComplaints = 256
)

// complaints keeps what goes wrong for a thousand sessions, again and again, from being a thousand warnings every second: there is one for each backend and
// cause, and a number with the next. The zero value is ready for use.
type complaints struct {
	mu   sync.Mutex
	told map[string]*complaint // by backend and cause
}

// complaint is what has been told of one of them.
type complaint struct {
	at    time.Time
	since int // how often it has come since then
}

// due reports whether a cause is to be told now, and how often it has not been since it last was.
func (c *complaints) due(now time.Time, backend, cause string) (untold int, due bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := backend + " " + gist(cause)
	if last := c.told[key]; last != nil && now.Sub(last.at) < complainEvery {
		last.since++
		return 0, false
	} else if last != nil {
		untold = last.since
	}
	if len(c.told) >= mostComplaints {
		c.forget(now)
	}
	if c.told == nil {
		c.told = map[string]*complaint{}
	}
	c.told[key] = &complaint{at: now}
	return untold, true
}

// forget drops those that may be told again, or all of them if there are none.
func (c *complaints) forget(now time.Time) {
	for key, last := range c.told {
		if now.Sub(last.at) >= complainEvery {
			delete(c.told, key)
		}
	}
	if len(c.told) >= mostComplaints {
		clear(c.told)
	}
}

// gist is a cause without what differs from session to session: numbers, and what stands in quotes, such as names of accounts and hosts.
func gist(cause string) string {
	var b strings.Builder
	quote := rune(0)
	for _, r := range cause {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"' || r == '`':
			quote = r
		case unicode.IsDigit(r):
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

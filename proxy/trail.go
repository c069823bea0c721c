package proxy

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

// trail remembers why backends were given up, the latest cause of each.
type trail struct {
	names  []string
	causes map[string]error
}

func (t *trail) add(name string, err error) {
	if t.causes == nil {
		t.causes = map[string]error{}
	}
	if _, known := t.causes[name]; !known {
		t.names = append(t.names, name)
	}
	t.causes[name] = err
}

// hopeless reports whether each backend that was tried has said that it will not have Segue's host at all, so that
// waiting would help nobody.
func (t *trail) hopeless(tried []*backend.Backend) bool {
	for _, b := range tried {
		refused := new(wire.Err)
		if !errors.As(t.causes[b.Name()], &refused) || refused.Code != codeHostNotPrivileged {
			return false
		}
	}
	return len(tried) > 0
}

const codeHostNotPrivileged = 1130 // ER_HOST_NOT_PRIVILEGED

// giveUp is the error for the client once the budget is spent; it names what was tried.
func (t *trail) giveUp(none error, budget time.Duration) error {
	if len(t.names) == 0 {
		return none
	}
	var b strings.Builder
	fmt.Fprintf(&b, "no usable backend within connect.budget %s (tried ", budget)
	for i, name := range t.names {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %v", name, t.causes[name])
	}
	b.WriteString(")")
	return errors.New(b.String())
}

// retriable reports whether an ERR_Packet in answer to a login speaks of the server rather than of the client.
func retriable(e *wire.Err) bool {
	return passingCodes[e.Code] || strings.HasPrefix(e.Message, "Reach cluster-wide connection limit") ||
		strings.HasPrefix(e.Message, "Reach user-level")
}

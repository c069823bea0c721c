package proxy

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/login"
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

// hopeless reports whether each backend that was tried has said that it will not have Segue's host at all, or wants a password that Segue
// does not give away in the clear, so that waiting would help nobody.
func (t *trail) hopeless(tried []*backend.Backend) bool {
	for _, b := range tried {
		if !isFinal(t.causes[b.Name()]) {
			return false
		}
	}
	return len(tried) > 0
}

func isFinal(cause error) bool {
	refused, wants := new(wire.Err), new(client.UnprovableError)
	return errors.As(cause, &refused) && refused.Code == codeHostNotPrivileged || errors.As(cause, &wants) && wants.Whole || errors.Is(cause, login.ErrInClear)
}

const codeHostNotPrivileged = 1130 // ER_HOST_NOT_PRIVILEGED

// giveUp is the error for the client once the budget is spent; it names what was tried.
func (t *trail) giveUp(none error, budget time.Duration) error {
	if len(t.names) == 0 {
		return none
	}
	return fmt.Errorf("no usable backend within connect.budget %s (tried %s)", budget, t)
}

// said is the error of a search that ends before anything is spent: what each backend that was tried has said.
func (t *trail) said(none error) error {
	if len(t.names) == 0 {
		return none
	}
	return fmt.Errorf("no other backend has taken it (tried %s)", t)
}

// String names what was tried, with the latest cause of each.
func (t *trail) String() string {
	var b strings.Builder
	for i, name := range t.names {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %v", name, t.causes[name])
	}
	return b.String()
}

package backend

import (
	"fmt"
	"strings"
)

// NoneError says that there is no backend for a new session, and why each one was passed over.
type NoneError struct {
	// Up is how many of the Passed are up.
	Up int
	// Passed lists every backend, in configuration order.
	Passed []PassedOver
}

// PassedOver is one backend that was not chosen.
type PassedOver struct {
	Name  string
	Cause string
}

// Error gives a text like "no usable backend (0 of 3 up; fe-1: /api/health 500; fe-2: maint by operator)".
func (e *NoneError) Error() string {
	if len(e.Passed) == 0 {
		return "no usable backend (none is configured)"
	}
	var s strings.Builder
	fmt.Fprintf(&s, "no usable backend (%d of %d up", e.Up, len(e.Passed))
	for _, p := range e.Passed {
		fmt.Fprintf(&s, "; %s: %s", p.Name, p.Cause)
	}
	s.WriteString(")")
	return s.String()
}

// Unusable explains, when no backend can be had, why each of them cannot.
func (r *Registry) Unusable() *NoneError { return newNoneError(r.Backends()) }

// newNoneError explains why none of the backends could be leased.
func newNoneError(backends []*Backend) *NoneError {
	e := &NoneError{Passed: make([]PassedOver, 0, len(backends))}
	for _, b := range backends {
		s := b.status.Load()
		if s.Health == Up {
			e.Up++
		}
		e.Passed = append(e.Passed, PassedOver{b.name, b.passedOver(s)})
	}
	return e
}

// passedOver says why the backend was not chosen. Every backend that the operator allows is a candidate, so whatever is
// passed over for another reason is one that the caller has tried.
func (b *Backend) passedOver(s *Status) string {
	failure := b.failure.Load()
	f, full := b.Full()
	switch {
	case s.Removed || s.Admin != Ready:
		cause, _ := s.leaving()
		return cause
	case s.Health != Up && s.Cause != "":
		return s.Cause
	case full:
		return f.String()
	case failure != nil:
		return *failure
	}
	return "tried, " + s.Health.String()
}

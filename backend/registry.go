package backend

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options says how a [Registry] chooses.
type Options struct {
	// Policy chooses inside a tier. Nil: a LeastSessions of the registry's own. One value must not serve two registries.
	Policy Policy
	// SlowStart is how long the weight of a backend that was down or stopping takes from a tenth to the whole once it is
	// up again. Zero: DefaultSlowStart. Negative: off.
	SlowStart time.Duration
	// Prefer are the preferences, the one that weighs most first; Zone is where Segue itself is, for PreferLocal. Empty: not known, and all are local.
	Prefer []Preference
	Zone   string
}

// Registry holds the backends of one cluster. Its methods may be called by anyone at any time. None of them waits.
type Registry struct {
	// Read by anyone, replaced as a whole with mu held: the backends in configuration order.
	backends atomic.Pointer[[]*Backend]

	// mu guards what follows, and the fields of each Backend and Lease that say so. It is never held across anything
	// slower than a choice among the backends.
	mu         sync.Mutex
	policy     Policy
	slowStart  time.Duration
	prefer     []Preference
	zone       string
	changed    chan struct{}    // closed at the next change, and then replaced
	candidates []Candidate      // scratch of Lease
	words      map[string]Admin // what the operator has said of backends that discovery has not found, or no longer; never Ready
}

// NewRegistry makes a registry without backends.
func NewRegistry(o Options) *Registry {
	r := &Registry{changed: make(chan struct{})}
	r.backends.Store(&[]*Backend{})
	r.SetOptions(o)
	return r
}

// SetOptions changes how the registry chooses from now on. What a policy remembers begins anew.
func (r *Registry) SetOptions(o Options) {
	if o.Policy == nil {
		o.Policy = &LeastSessions{}
	}
	if o.SlowStart == 0 {
		o.SlowStart = DefaultSlowStart
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.policy, r.slowStart, r.prefer, r.zone = o.Policy, o.SlowStart, o.Prefer, o.Zone
}

// Backends gives the backends in configuration order. The slice never changes; the caller must not change it either.
func (r *Registry) Backends() []*Backend { return *r.backends.Load() }

// Lookup finds a backend by its name.
func (r *Registry) Lookup(name string) (b *Backend, ok bool) {
	for _, b := range r.Backends() {
		if b.name == name {
			return b, true
		}
	}
	return nil, false
}

// Changed gives a channel that is closed at the next change of a backend's health or admin state or of the membership.
// It says that something changed, not what: take the channel first, then read the state, then wait.
func (r *Registry) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

func (r *Registry) notifyLocked() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// SetHealth says what probing found, and why. It reports whether the health is another than before; a new cause alone is
// kept, but is no change. A removed backend keeps the health that it had. SetHealth panics if the new health may not
// follow the old one, that is, if it is Unknown and the old one is not.
func (r *Registry) SetHealth(b *Backend, h Health, cause string) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := b.status.Load()
	probed := healthAndCause{h, cause}
	if old.Removed || old.probed == probed {
		return false
	}
	if old.probed.health != h {
		checkHealth(b.name, old.probed.health, h)
	}
	s := *old
	s.probed = probed
	return r.storeLocked(b, &s)
}

// storeLocked keeps a status whose Spec or whose probed has changed, with what follows from it. It reports whether the health is another than before.
func (r *Registry) storeLocked(b *Backend, s *Status) (changed bool) {
	old := b.status.Load()
	weighed := s.weigh()
	h := weighed.health
	s.Cause = weighed.cause
	if s.Health == h {
		b.status.Store(s)
		return false
	}
	now := time.Now()
	b.upSince = time.Time{}
	if h == Down {
		b.Roomy() // what comes up again is another process, or has been left by its clients
	}
	if h == Up {
		b.backoff = backoff{} // what the prober has just seen is newer than what clients saw
		if old.Health != Unknown {
			b.upSince = now
		}
	}
	s.Health, s.Since = h, now
	b.status.Store(s)
	r.notifyLocked()
	return true
}

// SetAdmin says what the operator wants of the backend with this name.
func (r *Registry) SetAdmin(name string, a Admin) error {
	if a >= numAdmins {
		return fmt.Errorf("set admin state of %s: no such state: %v", name, a)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.Lookup(name)
	if !ok {
		return fmt.Errorf("set admin state of %s: no such backend; there are: %s", name, r.names())
	}
	s := *b.status.Load()
	if s.Admin == a {
		return nil
	}
	s.Admin, s.Since = a, time.Now()
	b.status.Store(&s)
	r.notifyLocked()
	return nil
}

// mostWords bounds what is kept of backends that there are not.
const mostWords = 1000

// Expect has what the operator wants of a backend hold from the moment on in which there is one of that name, where it is not there now.
func (r *Registry) Expect(name string, a Admin) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a >= numAdmins {
		return
	}
	r.expectLocked(name, a)
}

func (r *Registry) expectLocked(name string, a Admin) {
	if a == Ready || len(r.words) >= mostWords {
		delete(r.words, name)
		return
	}
	if r.words == nil {
		r.words = make(map[string]Admin)
	}
	r.words[name] = a
}

// Expected is what the operator wants of backends that there are not, by their names.
func (r *Registry) Expected() map[string]Admin {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.words)
}

// names lists the backends for an error text.
func (r *Registry) names() string {
	backends := r.Backends()
	if len(backends) == 0 {
		return "none"
	}
	names := make([]string, len(backends))
	for i, b := range backends {
		names[i] = b.name
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

package statefulset

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// world is a set of three with a controller and a kubelet that do one thing at a time, in any order, beside a driver that sees what was so a while ago.
type world struct {
	t       *testing.T
	r       *rand.Rand
	now     *view
	current string // revision that pods below the partition are made of
	made    int    // pods, for their UIDs
	stopped []string
}

func (w *world) index(name string) int {
	i, _ := w.now.set.index(name)
	return i
}

// seen is what a watch has told: the set and the pods are each of some earlier time.
func (w *world) seen() *view {
	v := &view{set: new(set), pods: make(map[string]*pod, len(w.now.pods))}
	*v.set = *w.now.set
	v.set.Spec.Template.Spec.Containers = slices.Clone(w.now.set.Spec.Template.Spec.Containers)
	for name, p := range w.now.pods {
		copied := *p
		copied.Status.Conditions = slices.Clone(p.Status.Conditions)
		v.pods[name] = &copied
	}
	return v
}

// pod makes a pod of a revision.
func (w *world) pod(name, revision string) *pod {
	w.made++
	p := pods(w.ordinal(name) + ":" + revision + ":unready")[name]
	p.Metadata.UID = fmt.Sprint(w.made)
	return p
}

func (*world) ordinal(name string) string { return name[strings.LastIndex(name, "-")+1:] }

// act does what the driver's step says, if the API server takes it: it refuses what was seen too long ago.
func (w *world) act(st step, asked string) {
	s := w.now.set
	switch {
	case st.evict != nil:
		if st.evict.Metadata.Name != asked {
			w.t.Fatalf("evict %s, asked for %s", st.evict.Metadata.Name, asked)
		}
		if p := w.now.pods[st.evict.Metadata.Name]; p != nil && p.Metadata.UID == st.evict.Metadata.UID {
			w.end(p, asked)
		}
	case st.change != nil && st.change.version == s.Metadata.ResourceVersion:
		s.Metadata.ResourceVersion += "x"
		s.Metadata.Generation++
		if c := st.change; c.image != "" {
			s.Spec.Template.Spec.Containers[0].Image = c.image
			s.Metadata.Annotations = map[string]string{previousImage: c.previous}
		}
		if st.change.onDelete {
			s.Spec.UpdateStrategy = strategy{Type: "OnDelete"}
		}
		if st.change.partition != nil {
			s.Spec.UpdateStrategy = strategy{Type: "RollingUpdate", RollingUpdate: &rolling{*st.change.partition}}
		}
	}
}

// end has a pod terminate, which must be the one that was asked for.
func (w *world) end(p *pod, asked string) {
	if p.terminating() {
		return
	}
	if p.Metadata.Name != asked {
		w.t.Fatalf("%s is replaced, asked for %s", p.Metadata.Name, asked)
	}
	p.Metadata.DeletionTimestamp = new("now")
	w.stopped = append(w.stopped, p.Metadata.Name)
}

// turn is a step of controller or kubelet.
func (w *world) turn(asked string) {
	s := w.now.set
	if w.r.IntN(2) == 0 {
		s.Status.ObservedGeneration, s.Status.UpdateRevision = s.Metadata.Generation, strings.TrimPrefix(s.Spec.Template.Spec.Containers[0].Image, "image:")
	}
	name := fmt.Sprintf("db-%d", w.r.IntN(3))
	p := w.now.pods[name]
	switch {
	case p == nil && s.Status.ObservedGeneration == s.Metadata.Generation:
		revision := s.Status.UpdateRevision
		if !s.onDelete() && w.index(name) < s.partition() {
			revision = w.current
		}
		w.now.pods[name] = w.pod(name, revision)
	case p == nil:
	case p.terminating():
		delete(w.now.pods, name)
	case w.r.IntN(2) == 0 && !strings.HasPrefix(p.revision(), "broken"):
		p.Status.Conditions = pods("0:a")["db-0"].Status.Conditions
	default:
		w.roll(asked)
	}
}

// roll is the rolling update: the highest pod of another revision, if all behind it are ready.
func (w *world) roll(asked string) {
	s := w.now.set
	if s.onDelete() || s.Status.ObservedGeneration != s.Metadata.Generation {
		return
	}
	for i := 2; i >= s.partition(); i-- {
		p := w.now.pods[fmt.Sprintf("db-%d", i)]
		if p == nil {
			return
		}
		if p.revision() != s.Status.UpdateRevision && !p.terminating() {
			w.end(p, asked)
			return
		}
		if ok, _ := p.ready(); !ok {
			return
		}
	}
}

// TestWalk: whatever controller, kubelet and watch do meanwhile, and wherever the process is replaced by another one, exactly the pod that was asked for is replaced, and once.
func TestWalk(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		order, text, mode := []int{0, 1, 2}, "at=a on-delete", AsIs
		r.Shuffle(3, func(i, j int) { order[i], order[j] = order[j], order[i] })
		switch r.IntN(3) {
		case 0:
			text, order = "at=a partition=3", []int{2, 1, 0}
		case 1:
			text, mode = "at=a partition=0", OnDelete
		}
		w := &world{t: t, r: r, now: situation(text, "0:a 1:a 2:a"), current: "a"}
		if text == "at=a partition=0" {
			w.now.set.Status.ObservedGeneration = w.now.set.Metadata.Generation
		}
		o := Options{Name: "db", Image: "image:b", Mode: mode}
		w.walk(&o, false, order)
		if back := r.IntN(4); back > 0 && !t.Failed() { // so many pods go back, which are those of the highest ordinals under a partition
			w.walk(&o, true, order[:back])
		}
		if t.Failed() {
			t.Fatalf("seed %d: %s, order %v", seed, text, order)
		}
	}
}

// walk replaces pods in the order.
func (w *world) walk(o *Options, back bool, order []int) {
	old := make(map[string]string)
	var want []string
	for _, i := range order {
		name := fmt.Sprintf("db-%d", i)
		want = append(want, name)
		seen := w.seen()
		stopping := true
		for turns := 0; ; turns++ {
			if turns > 2000 {
				w.t.Errorf("%s: no end; %s", name, say(seen.stop(o, back, name, old[name])))
				return
			}
			w.turn(name)
			if w.r.IntN(2) == 0 {
				seen = w.seen()
			}
			if w.r.IntN(50) == 0 {
				clear(old) // another process
			}
			if !stopping {
				if st := seen.start(o, back, name, old[name]); st.err != nil {
					w.t.Errorf("start %s: %v", name, st.err)
				} else if st.done() {
					break
				}
				continue
			}
			st := seen.stop(o, back, name, old[name])
			if st.err != nil {
				w.t.Errorf("stop %s: %v", name, st.err)
				return
			}
			if st.replaced != nil {
				old[name] = st.replaced.Metadata.UID
			}
			stopping = !st.done()
			w.act(st, name)
		}
	}
	if !slices.Equal(w.stopped, want) {
		w.t.Errorf("stopped %q, want %q", w.stopped, want)
	}
	w.stopped = nil
}

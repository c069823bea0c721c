package discover

import (
	"cmp"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"segue/backend/discover/nodes"
)

// What is longer is no answer to be believed.
const (
	mostNodes = 256
	mostInAll = 4 * mostNodes // of all sources together
)

// Why an answer is not believed.
var (
	// ErrEmpty: it names no node that could be a backend.
	ErrEmpty = errors.New("the answer names no backend")
	// ErrTooMany: it names more than any cluster has.
	ErrTooMany = errors.New("the answer names more than 256 backends, or all sources more than 1024")
)

// Seed is a backend that the configuration names.
type Seed struct{ Name, Address string }

// Entry is a backend as all sources together have it.
type Entry struct {
	nodes.Node        // Name is the backend's
	Seed       bool   // the configuration names it
	Sources    string // the kinds of those that name it, or did last, with commas
	Leaving    string // why it is about to go; empty: it is not
	Gone       bool   // nobody names it any more: it may be forgotten as soon as nobody uses it
	// Formerly is the name that the same node had in the list before, if it has another one now: what has been said of that holds for it.
	Formerly string

	proper bool     // Name is the node's own, wherever it is: a pod's
	words  []string // the addresses by which it is named, the most trusted one first
}

// Book keeps what seeds and sources say, and makes one list of it. It decides by what it is told alone, and has no clock: now must not go backwards. The zero
// value is ready for use; it is not for several goroutines at a time.
type Book struct {
	// RemoveAfter is how long a node must have been missing from what is said, and be missing still, before it is about to go.
	RemoveAfter time.Duration

	seeds   []Seed
	sources []*said          // those whose word counts more first
	last    map[string]Entry // address → what the last list had there
	gone    map[string]Entry // address → one that nobody names any more
}

// said is what one source has said.
type said struct {
	of    string // which source
	kind  string
	seen  map[string]*sighting // by address
	heard time.Time            // the last answer that was believed
	about []nodes.Node         // of those that are known anyway
}

// sighting is what a source has said of one node.
type sighting struct {
	Found
	missing time.Time // since when it is not named; zero: it is
	live    bool
}

// Reseed has the book begin with other seeds. One that is no seed any more, and is found, stays as it is.
func (b *Book) Reseed(seeds []Seed) { b.seeds = slices.Clone(seeds) }

// Take takes an answer of the source called of. The error is why it is not believed, and changes nothing.
func (b *Book) Take(of, kind string, a Answer, now time.Time) error {
	if a.Err != nil {
		return a.Err
	}
	named := make(map[string]Found)
	for _, f := range a.Found {
		if f.Address != "" {
			named[strings.ToLower(f.Address)] = f
		}
	}
	switch {
	case len(named) == 0 && len(a.About) == 0:
		return ErrEmpty
	case len(named) > mostNodes:
		return ErrTooMany
	}
	s := b.source(of, kind)
	if sum := b.sum(s); sum > 0 && sum+len(named) > mostInAll {
		return ErrTooMany
	}
	s.about = a.About
	if len(named) == 0 {
		return nil
	}
	if !a.Partial {
		s.heard = now
	}
	taken := make(map[string]bool)
	for address, f := range named {
		s.seen[address] = &sighting{Found: f}
		taken[f.Called] = f.Called != ""
	}
	for address, g := range s.seen {
		_, ok := named[address]
		if !ok && taken[g.Called] { // it has moved, as a pod does that replaces another
			delete(s.seen, address)
			continue
		}
		if !ok && g.missing.IsZero() && !a.Partial {
			g.missing = now
		}
		g.live = a.Live
	}
	return nil
}

// sum is how many nodes all sources but one have named.
func (b *Book) sum(but *said) (n int) {
	for _, s := range b.sources {
		if s != but {
			n += len(s.seen)
		}
	}
	return n
}

func (b *Book) source(of, kind string) *said {
	for _, s := range b.sources {
		if s.of == of {
			return s
		}
	}
	s := &said{of: of, kind: kind, seen: make(map[string]*sighting)}
	b.sources = append(b.sources, s)
	slices.SortStableFunc(b.sources, func(x, y *said) int {
		return cmp.Or(cmp.Compare(weight(x.kind), weight(y.kind)), strings.Compare(x.of, y.of))
	})
	return s
}

// trusted are the kinds of sources in the order in which their word counts where two differ: a file is somebody's own word, a cluster knows itself, and DNS knows
// addresses alone.
var trusted = []string{"file", "sql", "kubernetes", "dns"}

func weight(kind string) int {
	if at := slices.Index(trusted, kind); at >= 0 {
		return at
	}
	return len(trusted)
}

// Keep forgets the sources that are not among those: nobody asks them any more. What they alone have named is about to go.
func (b *Book) Keep(sources []string) {
	b.sources = slices.DeleteFunc(b.sources, func(s *said) bool {
		if slices.Contains(sources, s.of) {
			return false
		}
		for address, g := range s.seen {
			b.lose(address, g, s.kind)
		}
		return true
	})
}

// Forget forgets a node that is [Entry.Gone].
func (b *Book) Forget(address string) {
	address = strings.ToLower(address)
	if _, ok := b.gone[address]; ok {
		delete(b.gone, address)
		delete(b.last, address)
	}
}

func (b *Book) lose(address string, g *sighting, kind string) {
	if _, ok := b.last[address]; ok { // else it is another word for one that is there, or has never been in the list
		b.keepGone(address, Entry{Node: g.Node, Sources: kind, Leaving: kind + " no longer names it", Gone: true})
	}
}

func (b *Book) keepGone(address string, e Entry) {
	if b.gone == nil {
		b.gone = make(map[string]Entry)
	}
	b.gone[address] = e
}

// present tells whether a node is to be believed to be there still: it is named, or has not been missing for long, or nobody has looked again since.
func (s *said) present(g *sighting, removeAfter time.Duration, now time.Time) bool {
	looked := s.heard
	if g.live {
		looked = now
	}
	return g.missing.IsZero() || looked.Sub(g.missing) < removeAfter
}

// Due is when the list changes although nobody says anything more; ok is false if it does not.
func (b *Book) Due() (at time.Time, ok bool) {
	for _, s := range b.sources {
		for _, g := range s.seen {
			if g.live && !g.missing.IsZero() {
				if t := g.missing.Add(b.RemoveAfter); !ok || t.Before(at) {
					at, ok = t, true
				}
			}
		}
	}
	return at, ok
}

// List is what there is now: all seeds, in their order, then what has been found, by address. places gives the addresses of a host's name, none if they are not
// known; what different sources name, and leads to the same address, is one. Seeds are as many as the configuration has, and the nodes that one answer names as
// many as it names, wherever they lead: names may lead to the same address for a while, or by a mistake.
func (b *Book) List(now time.Time, places func(host string) []netip.Addr) []Entry {
	m := &merging{places: places, at: make(map[string][]int)}
	for _, s := range b.seeds {
		m.put(Entry{Node: nodes.Node{Name: s.Name, Address: s.Address}, Seed: true})
	}
	for _, s := range b.sources {
		for _, address := range slices.Sorted(maps.Keys(s.seen)) {
			if g := s.seen[address]; !s.present(g, b.RemoveAfter, now) {
				b.lose(address, g, s.kind)
				delete(s.seen, address)
				continue
			}
			delete(b.gone, address)
		}
		m.take(s)
	}
	for _, s := range b.sources {
		for _, n := range s.about {
			m.annotate(n)
		}
	}
	b.settle(m)
	found := m.list[len(b.seeds):]
	slices.SortStableFunc(found, func(a, c Entry) int { return strings.Compare(a.Address, c.Address) })
	b.christen(m.list)
	b.last = make(map[string]Entry, len(m.list))
	for _, e := range m.list {
		b.last[strings.ToLower(e.Address)] = e
	}
	return m.list
}

// settle has those stay where they are that were in the last list. A node keeps its address as long as somebody names it so, or the address leads to it: another
// word for it is no reason to leave its sessions. Whoever is not a node of its own any more is about to go, and has time to.
func (b *Book) settle(m *merging) {
	for i := range m.list {
		e := &m.list[i]
		if e.Seed {
			continue
		}
		best := ""
		for _, w := range e.words {
			was, ok := b.last[strings.ToLower(w)]
			if ok && (m.free(w, i) && (best == "" || was.Name == e.Name && e.Name != "")) {
				best = was.Address
				if was.Name == e.Name {
					break
				}
			}
		}
		if best != "" {
			m.move(i, best)
		}
	}
	for _, address := range slices.Sorted(maps.Keys(b.last)) {
		was := b.last[address]
		if len(m.at[headed(address)]) > 0 {
			continue
		}
		i, ok := m.find(address)
		if ok && !m.list[i].Seed {
			if _, stays := b.last[strings.ToLower(m.list[i].Address)]; !stays {
				m.move(i, was.Address)
				delete(b.gone, address)
				continue
			}
		}
		if was.Seed || m.called(was.Name) { // the configuration's word is done at once; and a pod that is elsewhere now is there no more
			delete(b.gone, address)
			continue
		}
		e, known := b.gone[address]
		switch {
		case ok:
			e = Entry{Node: was.Node, Sources: was.Sources, Leaving: "another backend is the same server: " + m.list[i].Address}
		case !known:
			e = Entry{Node: was.Node, Sources: was.Sources, Leaving: "nobody names it any more"}
		}
		e.Name, e.Gone = "", true
		b.keepGone(address, e)
	}
	for _, address := range slices.Sorted(maps.Keys(b.gone)) {
		if len(m.at[headed(address)]) > 0 {
			delete(b.gone, address)
			continue
		}
		e := b.gone[address]
		e.Name = ""
		m.put(e)
	}
}

// called reports whether an entry is called so by its source.
func (m *merging) called(name string) bool {
	return slices.ContainsFunc(m.list, func(e Entry) bool { return e.Name == name })
}

// free reports whether no entry but that at i stands at an address.
func (m *merging) free(address string, i int) bool {
	return !slices.ContainsFunc(m.at[headed(address)], func(j int) bool { return j != i })
}

// find gives the entry for which an address is another word, or that it leads to.
func (m *merging) find(address string) (i int, ok bool) {
	for _, p := range m.placesOf(address) {
		if list := m.at[p]; len(list) > 0 {
			return list[0], true
		}
	}
	return 0, false
}

// move gives an entry another address.
func (m *merging) move(i int, address string) {
	e := &m.list[i]
	key := headed(e.Address)
	m.at[key] = slices.DeleteFunc(m.at[key], func(j int) bool { return j == i })
	e.Address = address
	m.at[headed(address)] = append(m.at[headed(address)], i)
}

// merging makes one entry of those that are one node.
type merging struct {
	places func(host string) []netip.Addr
	list   []Entry
	at     map[string][]int // what is headed, an address, or a place → indexes in list
	named  []bool           // by the source that is taken, at this index of list
}

// take adds what a source says: first what has an entry by its very address, then what is another word for one, then what leads to the same place, and last what
// the source no longer names. So nobody takes the place of one that is better known.
func (m *merging) take(s *said) {
	m.named = nil
	var named, missing []string
	for _, address := range slices.Sorted(maps.Keys(s.seen)) {
		if s.seen[address].missing.IsZero() {
			named = append(named, address)
		} else {
			missing = append(missing, address)
		}
	}
	for _, places := range []func(address string) []string{
		func(address string) []string { return []string{headed(address)} },
		func(address string) []string { return []string{address} },
		m.placesOf,
	} {
		named = slices.DeleteFunc(named, func(address string) bool { return m.join(s.entry(address), places(address), true) })
	}
	for _, address := range named {
		m.name(m.put(s.entry(address)))
	}
	for _, address := range missing {
		if e := s.entry(address); !m.join(e, append([]string{headed(address)}, m.placesOf(address)...), false) {
			m.put(e)
		}
	}
}

// headed is the key of the entry that stands at an address.
func headed(address string) string { return "= " + strings.ToLower(address) }

func (s *said) entry(address string) Entry {
	g := s.seen[address]
	n := g.Node
	n.Name = g.Called
	if !goodName(g.Called) {
		n.Name = ""
	}
	return Entry{Node: n, Sources: s.kind, Leaving: g.Leaving, proper: s.kind == "kubernetes" && n.Name != ""}
}

// join has an entry that leads to one of the places learn what e says. Where alone is set it is one of which the source has not named another address.
func (m *merging) join(e Entry, places []string, alone bool) bool {
	for _, p := range places {
		for _, i := range m.at[p] {
			if alone && i < len(m.named) && m.named[i] {
				continue
			}
			m.list[i].learn(&e)
			m.list[i].words = append(m.list[i].words, e.Address)
			m.note(e.Address, i)
			if alone {
				m.name(i)
			}
			return true
		}
	}
	return false
}

// annotate has the entry at an address, or that leads there, learn what is said of it, if there is one.
func (m *merging) annotate(n nodes.Node) {
	n.Name = ""
	for _, p := range append([]string{headed(n.Address)}, m.placesOf(n.Address)...) {
		for _, i := range m.at[p] {
			m.list[i].learn(&Entry{Node: n})
			return
		}
	}
}

// put adds an entry of its own.
func (m *merging) put(e Entry) int {
	i := len(m.list)
	e.words = []string{e.Address}
	m.list = append(m.list, e)
	m.at[headed(e.Address)] = append(m.at[headed(e.Address)], i)
	m.note(e.Address, i)
	return i
}

func (m *merging) name(i int) {
	m.named = append(m.named, make([]bool, max(0, i+1-len(m.named)))...)
	m.named[i] = true
}

func (m *merging) note(address string, i int) {
	for _, p := range m.placesOf(address) {
		if !slices.Contains(m.at[p], i) {
			m.at[p] = append(m.at[p], i)
		}
	}
}

// placesOf are the ways to write where an address leads. A name that has several addresses of a kind stands for several servers, and is nobody's but its own.
func (m *merging) placesOf(address string) []string {
	list := []string{strings.ToLower(address)}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return list
	}
	addrs := []netip.Addr(nil)
	if ip, err := netip.ParseAddr(host); err == nil {
		addrs = []netip.Addr{ip}
	} else if m.places != nil {
		addrs = m.places(host)
	}
	kinds := map[bool]int{}
	for _, a := range addrs {
		kinds[a.Unmap().Is4()]++
	}
	if kinds[true] > 1 || kinds[false] > 1 {
		return list
	}
	for _, a := range addrs {
		list = append(list, a.Unmap().WithZone("").String()+" "+port)
	}
	return list
}

// Same reports whether two addresses lead to the same place, places being as those of [Book.List].
func Same(a, b string, places func(host string) []netip.Addr) bool {
	m := &merging{places: places}
	of := m.placesOf(b)
	return slices.ContainsFunc(m.placesOf(a), func(p string) bool { return slices.Contains(of, p) })
}

// learn takes over what e does not say yet.
func (e *Entry) learn(o *Entry) {
	if !e.Seed && e.Name == "" {
		e.Name, e.proper = o.Name, o.proper
	}
	if e.Role == nodes.None {
		e.Role = o.Role
	}
	if e.HTTP == "" || e.HTTPGuessed && o.HTTP != "" && !o.HTTPGuessed {
		e.HTTP, e.HTTPGuessed = o.HTTP, o.HTTPGuessed
	}
	for _, of := range []struct{ has, gets *string }{
		{&o.Version, &e.Version}, {&o.Zone, &e.Zone}, {&o.Host, &e.Host}, {&o.ID, &e.ID}, {&o.Leaving, &e.Leaving},
	} {
		if *of.gets == "" {
			*of.gets = *of.has
		}
	}
	if o.Sources != "" && !slices.Contains(strings.Split(e.Sources, ", "), o.Sources) {
		e.Sources = strings.TrimPrefix(e.Sources+", "+o.Sources, ", ")
	}
}

// christen names those that have been found: as their sources call them, else as they were called at this address, else after their hosts. All names are given at
// once, so that two nodes can change places.
func (b *Book) christen(list []Entry) {
	named := make(map[string]bool) // by address
	taken, hosts := make(map[string]bool), make(map[string]int)
	for i := range list {
		host, _, _ := net.SplitHostPort(list[i].Address)
		hosts[host]++
		if list[i].Seed {
			taken[list[i].Name] = true
		}
	}
	for _, choose := range []func(e, was *Entry) (name string, proper bool){
		func(e, was *Entry) (string, bool) { // of two that are called the same, the one that has the name
			if e.Name != was.Name {
				return "", false
			}
			return e.Name, e.proper
		},
		func(e, _ *Entry) (string, bool) { return e.Name, e.proper },
		func(_, was *Entry) (string, bool) { return was.Name, was.proper },
		func(e, _ *Entry) (string, bool) { return nameFor(e, hosts, taken), false },
	} {
		for i := range list {
			e := &list[i]
			key := strings.ToLower(e.Address)
			if e.Seed || named[key] {
				continue
			}
			was := b.last[key]
			name, proper := choose(e, &was)
			if name == "" || taken[name] {
				continue
			}
			if was.Name != name && (!was.proper || !proper) { // else the same address is another pod's
				e.Formerly = was.Name
			}
			e.Name, e.proper, taken[name], named[key] = name, proper, true, true
		}
	}
	for i := range list {
		if taken[list[i].Formerly] { // what has been said of a name that is still there holds for whoever has it
			list[i].Formerly = ""
		}
	}
}

package proxy

import (
	"slices"
	"strings"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/track"
)

// A rebuilt session is asked what it has become, together with the last that rebuilds it, and what it says is compared with what the old backend has said
// before or, where that has gone, with what is known. What differs is not a session to go on with.

// likeness is that comparison.
type likeness struct {
	traits   []track.Trait
	flavor   backend.Flavor
	old, now client.Table
}

// likeness is what there is to compare of the session; nil: nothing. Where the old backend has gone that is what is known without it.
func (s *session) likeness(lost bool) *likeness {
	traits := s.track.Traits()
	switch {
	case lost:
		traits = slices.DeleteFunc(traits, func(t track.Trait) bool { return t.Want == nil })
	case len(traits) == 1 && traits[0].Name == track.TraitDatabase: // it is that of the login
		return nil
	}
	if len(traits) == 0 {
		return nil
	}
	ext := s.who.hello.Response().ExtCapabilities()
	return &likeness{traits: traits, flavor: s.w.server.options().Flavor, old: client.Table{Ext: ext}, now: client.Table{Ext: ext}}
}

// again is the question to the new backend. Another one may have been asked before.
func (l *likeness) again() client.Command {
	l.now = client.Table{Ext: l.now.Ext}
	return l.ask(&l.now)
}

// ask is the question, whose answer t takes. A server that cannot answer it says nothing against the session.
func (l *likeness) ask(t *client.Table) client.Command {
	var columns []string
	for i := range l.traits {
		columns = append(columns, l.traits[i].Columns...)
	}
	q := inquest{flavor: l.flavor}
	return client.Command{Command: wire.ComQuery, Text: q.query(columns, 1), Take: t.Take, Lenient: true}
}

// before are turns with the question to the old backend in front of them.
func (l *likeness) before(turns []turn) []turn {
	if l == nil {
		return turns
	}
	if len(turns) == 0 {
		return []turn{say(l.ask(&l.old))}
	}
	first := turns[0]
	turns[0] = func(status wire.Status) ([]client.Command, error) {
		list, err := first(status)
		return append([]client.Command{l.ask(&l.old)}, list...), err
	}
	return turns
}

// differs names what is not as it was; l may be nil.
func (l *likeness) differs() (names []string) {
	if l == nil {
		return nil
	}
	now := l.row(&l.now)
	old := l.row(&l.old)
	at := 0
	for i := range l.traits {
		t := &l.traits[i]
		end := at + len(t.Columns)
		switch {
		case old != nil && now == nil: // it has answered, and the new one does not
			return []string{t.Name}
		case old != nil && !slices.EqualFunc(old[at:end], now[at:end], same), old == nil && now != nil && !wanted(t, now[at:end]):
			names = append(names, t.Name)
		}
		at = end
	}
	return names
}

// row is the one row of an answer, nil if it is not of the shape that was asked for.
func (l *likeness) row(t *client.Table) []client.Value {
	n := 0
	for i := range l.traits {
		n += len(l.traits[i].Columns)
	}
	row, err := oneRow(t, n)
	if err != nil {
		return nil
	}
	return row
}

func same(a, b client.Value) bool { return (a == nil) == (b == nil) && string(a) == string(b) }

// wanted reports whether values are those that are known, as far as that goes. Some servers tell names in lower case only.
func wanted(t *track.Trait, values []client.Value) bool {
	for i, want := range t.Want {
		if values[i] == nil || !strings.EqualFold(string(values[i]), want) {
			return false
		}
	}
	return true
}

// unlikeError says that a session which has been rebuilt is not the one that it was.
type unlikeError struct {
	names []string
}

// mostUnlike bounds the names that are told.
const mostUnlike = 5

func (e *unlikeError) Error() string {
	names := e.names
	if len(names) > mostUnlike {
		names = append(slices.Clone(names[:mostUnlike]), "…")
	}
	return "the rebuilt session differs from the one before in " + strings.Join(names, ", ")
}

// changed has the client of a session whose backend had gone told of what it goes on without, on the connection that it has now.
func (d *departure) changed(from *backend.Backend) {
	var of []string
	for _, name := range d.unlike {
		if name == track.TraitDatabase {
			d.s.track.NoDatabase()
		}
		of = append(of, strings.TrimPrefix(name, "the "))
	}
	d.bereft(from, strings.Join(of, ", "))
}

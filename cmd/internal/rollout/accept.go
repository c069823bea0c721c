package rollout

import (
	"slices"
	"strings"
)

// accepts tells whether a finding stops nothing: its check is accepted, or it itself. That a Segue cannot be asked is accepted by its address alone, or by Ask.FleetMissing: it goes for
// all that follows, also for what it will be asked while its node is drained.
func (a *Ask) accepts(f *Finding) bool {
	return slices.ContainsFunc(a.Accept, func(accepted string) bool {
		check, place, one := strings.Cut(accepted, ":")
		return Check(check) == f.Check && (!one && !f.away() || one && f.at(place))
	})
}

// MayMiss tells whether a Segue that cannot be asked is passed over.
func (a *Ask) MayMiss(address string) bool {
	return a.FleetMissing || a.accepts(&Finding{Check: CheckFleet, Segue: address})
}

// away tells whether it is that a Segue cannot be asked: all else that is found of one says of what.
func (f *Finding) away() bool {
	return f.Check == CheckFleet && f.Segue != "" && f.Node == "" && f.Of == ""
}

// ID is what an operator accepts it by: its check, and where it is of one place or of one of several kinds that.
func (f *Finding) ID() string {
	if place := f.place(); place != "" {
		return string(f.Check) + ":" + place
	}
	return string(f.Check)
}

// place is NODE, SEGUE, SEGUE/NODE, a kind or SEGUE/KIND; empty: it is of no one place.
func (f *Finding) place() string {
	return strings.Join(slices.DeleteFunc([]string{f.Segue, f.Node, f.Of}, func(place string) bool { return place == "" }), "/")
}

// at tells whether it is of a place; a node is one in all Segues.
func (f *Finding) at(place string) bool {
	return place != "" && (place == f.Node || place == f.place())
}

// ofOthers is what a finding is of that says of a Segue that it has no other backend.
const ofOthers = "others"

// Known tells whether there is such a place as a finding may be accepted for. s may know nodes that the cluster does not tell of any more; nil: none.
func (f *Facts) Known(accepted string, s *State) bool {
	check, place, one := strings.Cut(accepted, ":")
	switch {
	case !one || f.named(place, s):
		return true
	case Check(check) == CheckJobs:
		return slices.ContainsFunc([]JobKind{SchemaChange, Load, Insert, FedLoad}, func(k JobKind) bool { return k.word() == place })
	}
	return Check(check) == CheckFleet && slices.ContainsFunc(f.Segues, func(g Segue) bool {
		of, both := strings.CutPrefix(place, g.Address+"/")
		return place == g.Address || both && (of == ofOthers || f.named(of, s))
	})
}

// named tells whether there is a node of that name, or was.
func (f *Facts) named(name string, s *State) bool {
	return f.Node(name) != nil || s != nil && s.of(name) != nil || slices.ContainsFunc(f.Beside, func(b Beside) bool { return b.Name == name })
}

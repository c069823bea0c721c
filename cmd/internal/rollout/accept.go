package rollout

import (
	"net"
	"slices"
	"strings"
)

// accepts tells whether a finding stops nothing: its check is accepted, or it itself, by its node or by its Segue.
func (a *Ask) accepts(f *Finding) bool {
	return slices.ContainsFunc(a.Accept, func(accepted string) bool {
		check, place, one := strings.Cut(accepted, ":")
		return Check(check) == f.Check && (!one || f.at(place))
	})
}

// MayMiss tells whether a Segue that cannot be asked is passed over.
func (a *Ask) MayMiss(address string) bool {
	return a.FleetMissing || a.accepts(&Finding{Check: CheckFleet, Segue: address})
}

// ID is what an operator accepts it by: its check, and where it is of one place that.
func (f *Finding) ID() string {
	places := slices.DeleteFunc([]string{f.Segue, f.Node}, func(place string) bool { return place == "" })
	if len(places) == 0 {
		return string(f.Check)
	}
	return string(f.Check) + ":" + strings.Join(places, "/")
}

// at tells whether it is of a place: a node, a Segue by its address or its host, or SEGUE/NODE.
func (f *Finding) at(place string) bool {
	host, _, err := net.SplitHostPort(f.Segue)
	if err != nil {
		host = f.Segue
	}
	return place != "" && (place == f.Node || place == f.Segue || place == host || place == f.Segue+"/"+f.Node)
}

// Known tells whether there is such a place as a finding may be accepted for.
func (f *Facts) Known(accepted string) bool {
	_, place, one := strings.Cut(accepted, ":")
	if !one || f.Node(place) != nil {
		return true
	}
	segue, node, both := strings.Cut(place, "/")
	return slices.ContainsFunc(f.Segues, func(g Segue) bool {
		of := Finding{Segue: g.Address}
		return of.at(place) || both && of.at(segue) && f.Node(node) != nil
	})
}

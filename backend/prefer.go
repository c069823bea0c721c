package backend

import (
	"fmt"
	"slices"
	"strings"

	"segue/backend/discover/nodes"
)

// Preference is what makes one usable backend better than another. It yields to health: one that is not preferred takes the sessions where no preferred one is
// usable, and those go back once one is.
type Preference uint8

// The preferences.
const (
	PreferLocal    Preference = iota // of the same zone as Segue
	PreferFollower                   // any but the leader, or the primary
	PreferLeader                     // the leader, or the primary
	PreferObserver                   // those that do not vote
	numPreferences
)

var preferenceNames = [numPreferences]string{"local", "follower", "leader", "observer"}

// PreferenceNames are the names of all preferences.
func PreferenceNames() []string { return slices.Clone(preferenceNames[:]) }

// String gives the name, as in the configuration.
func (p Preference) String() string { return nameOf("preference", preferenceNames[:], p) }

// ParsePreferences reads names with commas between, the one that weighs most first. No name at all is no preference.
func ParsePreferences(text string) ([]Preference, error) {
	var list []Preference
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		p, err := parseName[Preference]("preference", preferenceNames[:], name)
		switch {
		case err != nil:
			return nil, err
		case slices.Contains(list, p):
			return nil, fmt.Errorf("preference %s stands twice", name)
		case p == PreferLeader && slices.Contains(list, PreferFollower), p == PreferFollower && slices.Contains(list, PreferLeader):
			return nil, fmt.Errorf("preferences leader and follower exclude each other")
		}
		list = append(list, p)
	}
	return list, nil
}

// meets reports whether a backend is what is preferred. Of one whose role is not known nothing is held to be so but that it is no leader.
func (p Preference) meets(s *Spec, zone string) bool {
	switch p {
	case PreferLocal:
		return zone == "" || s.Zone == zone
	case PreferFollower:
		return !s.Role.Writes()
	case PreferLeader:
		return s.Role.Writes()
	case PreferObserver:
		return s.Role == nodes.Observer
	default:
		return true
	}
}

// rankOf tells how far a backend is from what is preferred: 0 is all of it. What stands first weighs more than all that follows.
func rankOf(prefer []Preference, s *Spec, zone string) (rank int) {
	for _, p := range prefer {
		rank <<= 1
		if !p.meets(s, zone) {
			rank |= 1
		}
	}
	return rank
}

// ranks is how many ranks there are.
func ranks(prefer []Preference) int { return 1 << len(prefer) }

// Away reports whether b has sessions only as long as no backend that is preferred to it takes them: one is up, ready and has room.
func (r *Registry) Away(b *Backend) bool {
	r.mu.Lock()
	prefer, zone := r.prefer, r.zone
	r.mu.Unlock()
	if len(prefer) == 0 {
		return false
	}
	rank := rankOf(prefer, &b.status.Load().Spec, zone)
	return slices.ContainsFunc(r.Backends(), func(other *Backend) bool {
		s := other.status.Load()
		return s.Health == Up && s.Admin == Ready && !other.Crowded() && rankOf(prefer, &s.Spec, zone) < rank
	})
}

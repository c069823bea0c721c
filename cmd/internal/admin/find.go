package admin

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Found are the sessions that a Filter lets through, so many and no more, and what is true of all of them.
type Found struct {
	Total    int            `json:"total"`    // sessions there are
	Matching int            `json:"matching"` // of them, those that were asked for
	States   map[string]int `json:"states"`   // of those, by state
	Pinned   map[string]int `json:"pinned"`   // … by what pins them; those that nothing pins are not in it
	Sessions []Session      `json:"sessions"` // the first of them
}

// Filter says which sessions are wanted: all of it is to be true. What is empty is true of each.
type Filter struct {
	Text    string // within id, client, user, backend, state or pin, in any case
	Backend string
	State   string
	Pinned  string // the reason; any: those that anything pins
	Order   string // id, since (the longest in their state first), pinned (the longest first), moves (the most first)
	Limit   int    // how many sessions are listed; zero: defaultFound
}

// How many sessions are listed.
const (
	defaultFound = 100
	mostFound    = 1000
)

// orders are those of Filter.Order.
var orders = map[string]func(a, b Session) int{
	"":      func(_, _ Session) int { return 0 },
	"id":    func(_, _ Session) int { return 0 },
	"since": func(a, b Session) int { return a.Since.Compare(b.Since) },
	"pinned": func(a, b Session) int {
		return cmp.Or(cmp.Compare(min(len(b.Pinned), 1), min(len(a.Pinned), 1)), pinnedSince(a).Compare(pinnedSince(b)))
	},
	"moves": func(a, b Session) int { return cmp.Compare(b.Moves, a.Moves) },
}

// pinnedSince is since when a session is pinned; by its statement alone: since that runs.
func pinnedSince(s Session) time.Time {
	if s.PinnedSince.IsZero() {
		return s.Since
	}
	return s.PinnedSince
}

// find picks from list, which is by id.
func (f Filter) find(list []Session) Found {
	found := Found{Total: len(list), States: map[string]int{}, Pinned: map[string]int{}, Sessions: []Session{}}
	for _, s := range list {
		if !f.wants(s) {
			continue
		}
		found.Matching++
		found.States[s.State]++
		if s.Pinned != "" {
			found.Pinned[s.Pinned]++
		}
		found.Sessions = append(found.Sessions, s)
	}
	slices.SortStableFunc(found.Sessions, orders[f.Order])
	found.Sessions = found.Sessions[:min(len(found.Sessions), cmp.Or(f.Limit, defaultFound))]
	return found
}

func (f Filter) wants(s Session) bool {
	fits := func(want, is string) bool { return want == "" || want == is }
	if !fits(f.Backend, s.Backend) || !fits(f.State, s.State) || (f.Pinned != "any" && !fits(f.Pinned, s.Pinned)) || (f.Pinned == "any" && s.Pinned == "") {
		return false
	}
	if f.Text == "" {
		return true
	}
	text := strings.ToLower(f.Text)
	return slices.ContainsFunc([]string{strconv.Itoa(int(s.ID)), s.Client, s.User, s.Backend, s.State, s.Pinned}, func(is string) bool {
		return strings.Contains(strings.ToLower(is), text)
	})
}

// parseFilter reads the query of GET /api/v1/sessions/find.
func parseFilter(raw string) (f Filter, err error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return f, errors.New("the query " + quote(raw) + " is none; write it as in ?backend=fe-1&limit=100")
	}
	into := map[string]*string{"text": &f.Text, "backend": &f.Backend, "state": &f.State, "pinned": &f.Pinned, "order": &f.Order}
	for key, values := range query {
		switch field := into[key]; {
		case len(values) > 1:
			return f, errors.New(quote(key) + " is there twice")
		case field != nil:
			*field = values[0]
		case key == "limit":
			if f.Limit, err = strconv.Atoi(values[0]); err != nil || f.Limit < 1 || f.Limit > mostFound {
				return f, errors.New("limit: " + quote(values[0]) + " is no number from 1 to " + strconv.Itoa(mostFound))
			}
		default:
			return f, errors.New(quote(key) + " is none of text, backend, state, pinned, order and limit")
		}
	}
	if orders[f.Order] == nil {
		return f, errors.New("order: " + quote(f.Order) + " is none of id, since, pinned and moves")
	}
	return f, nil
}

// find answers the sessions that are wanted.
func (h *Handler) find(w http.ResponseWriter, r *http.Request) {
	f, err := parseFilter(r.URL.RawQuery)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	answer(w, http.StatusOK, f.find(h.allSessions(r.Context())))
}

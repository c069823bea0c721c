package admin

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"segue/cmd/internal/admin/history"
)

// History is what has become of the backends, and what operators have done meanwhile.
type History struct {
	history.Extract
	Changes []Change `json:"changes"` // the oldest first
}

// What GET /api/v1/history answers if nothing is said of it, and at most.
const (
	defaultSpan   = time.Hour
	defaultPoints = 300
	mostPoints    = history.MostSamples + 1
	// mostTold is how many samples are told of all backends together, whatever is asked for: some 15 MB of JSON, more than any screen has points.
	mostTold = 128 << 10
)

// How many answers of the history are made at a time, each of which is in memory as a whole, and how long a request waits for its turn.
const (
	mostHistories   = 2
	historyPatience = 3 * time.Second
)

// histories has what makes a history wait for its turn. A successor's is told whole: it asks once, to go on from there.
func (d door) histories(do func(w http.ResponseWriter, r *http.Request, most int)) http.HandlerFunc {
	most := mostTold
	if d.private {
		most = math.MaxInt
	}
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), historyPatience)
		defer cancel()
		if !d.telling.await(ctx) {
			w.Header().Set("Retry-After", "10")
			refuse(w, http.StatusServiceUnavailable, "as many histories are asked for as there may be")
			return
		}
		defer d.telling.give()
		do(w, r, most)
	}
}

// history answers what has been, as far back as ?for= says, in so many ?points= at most, and so many samples in all.
func (h *Handler) history(w http.ResponseWriter, r *http.Request, most int) {
	span, points, err := historyQuery(r.URL.RawQuery)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	points = min(points, max(1, most/(1+h.History.Lanes()))) // one more has the sums
	now := time.Now()
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(h.historySince(now.Add(-span), now, points)) // without the spaces of answer, which were most of it
}

func (h *Handler) historySince(from, now time.Time, points int) History {
	past := History{h.History.Extract(from, now, points), []Change{}}
	for _, c := range h.Audit.Latest(mostChanges) {
		if c.Time.After(from) {
			past.Changes = append([]Change{c}, past.Changes...)
		}
	}
	return past
}

func historyQuery(raw string) (span time.Duration, points int, err error) {
	query, err := url.ParseQuery(raw)
	if err != nil || len(query["for"]) > 1 || len(query["points"]) > 1 {
		return 0, 0, errors.New("the query " + quote(raw) + " is none; write it as in ?for=1h&points=300")
	}
	span, points = defaultSpan, defaultPoints
	if text := query.Get("for"); text != "" {
		if span, err = time.ParseDuration(text); err != nil || span < time.Second || span > history.Longest {
			return 0, 0, errors.New("for: " + quote(text) + " is no time span from 1s to " + history.Longest.String() + "; write it as in 15m or 1h")
		}
	}
	if text := query.Get("points"); text != "" {
		if points, err = strconv.Atoi(text); err != nil || points < 1 || points > mostPoints {
			return 0, 0, errors.New("points: " + quote(text) + " is no number from 1 to " + strconv.Itoa(mostPoints))
		}
	}
	return span, points, nil
}

// History asks what has become of the backends within a span of time, in so many samples of each at most.
func (c *Client) History(ctx context.Context, span time.Duration, points int) (History, error) {
	return get[History](ctx, c, "/api/v1/history?for="+span.String()+"&points="+strconv.Itoa(points))
}

// summary says how clients are. all has the sessions and the pause, those of other Segues included.
func (h *Handler) summary(now time.Time, all *Status) Summary {
	w := wellbeing{now: now, sessions: all.Sessions, draining: h.draining.Load(), stopping: h.stopping.Load(), paused: all.Paused}
	for _, b := range h.Registry.Backends() {
		w.backends = append(w.backends, describe(b))
	}
	if h.History != nil {
		w.seen, w.hidden = h.History.SeenSince(now.Add(-lastly), now)
		w.seenLately, _ = h.History.SeenSince(now.Add(-lately), now)
		w.began = h.History.Began()
	}
	w.unknown = h.unknown()
	return w.summary()
}

package admin

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	proxy "segue/proxy"
)

// Victims finds the sessions that a KILL is meant for which another Segue has been told; proxy.Server is one.
type Victims interface {
	Victims(id uint32) []proxy.Victim
	Aim(ctx context.Context, id uint32, query bool) (proxy.Victim, bool)
	Settle(id uint32, query bool, o proxy.Outcome)
}

// addVictims adds what the Segue that has taken over may ask of KILLs. It is for that one alone: whoever could say it would have sessions end that should move.
func (h *Handler) addVictims(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/victims/{id}", h.victims)
	mux.HandleFunc("POST /api/v1/victims/{id}/aim/{what}", h.aim)
	mux.HandleFunc("POST /api/v1/victims/{id}/{outcome}/{what}", h.settle)
}

// victim is whom a request is about, and if it is about a KILL QUERY; ok is false where the request has been refused.
func victim(w http.ResponseWriter, r *http.Request) (id uint32, query, ok bool) {
	n, err := strconv.ParseUint(r.PathValue("id"), 10, 32)
	what := r.PathValue("what")
	if err != nil || what != "" && what != "query" && what != "connection" {
		refuse(w, http.StatusBadRequest, "no such victim")
		return 0, false, false
	}
	return uint32(n), what == "query", true
}

func (h *Handler) victims(w http.ResponseWriter, r *http.Request) {
	if id, _, ok := victim(w, r); ok {
		answer(w, http.StatusOK, h.Victim.Victims(id))
	}
}

func (h *Handler) aim(w http.ResponseWriter, r *http.Request) {
	id, query, ok := victim(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), relayTimeout*3/4) // within which whoever asks waits
	defer cancel()
	v, stands := h.Victim.Aim(ctx, id, query)
	if !stands {
		refuse(w, http.StatusNotFound, "it stands nowhere")
		return
	}
	answer(w, http.StatusOK, v)
}

func outcomes() map[string]proxy.Outcome {
	return map[string]proxy.Outcome{"lost": proxy.LostKill, "refused": proxy.RefusedKill, "done": proxy.DoneKill}
}

func (h *Handler) settle(w http.ResponseWriter, r *http.Request) {
	id, query, ok := victim(w, r)
	if !ok {
		return
	}
	o, known := outcomes()[r.PathValue("outcome")]
	if !known {
		refuse(w, http.StatusBadRequest, "no such outcome")
		return
	}
	h.Victim.Settle(id, query, o)
	answer(w, http.StatusOK, struct{}{})
}

// Elsewhere has a server find victims of KILLs in the Segues that this one has taken over from.
func (h *Handler) Elsewhere() proxy.Elsewhere { return elsewhere{h} }

type elsewhere struct{ h *Handler }

// Others implements proxy.Elsewhere.
func (e elsewhere) Others() int { return e.h.Others() }

// Victims implements proxy.Elsewhere.
func (e elsewhere) Victims(ctx context.Context, id uint32) (list []proxy.Victim) {
	for _, a := range askOthers(ctx, e.h, func(ctx context.Context, c *Client) ([]proxy.Victim, error) {
		return get[[]proxy.Victim](ctx, c, fmt.Sprintf("/api/v1/victims/%d", id))
	}) {
		for _, v := range a.value {
			v.At = a.Socket
			list = append(list, v)
		}
	}
	return list
}

// Aim implements proxy.Elsewhere.
func (e elsewhere) Aim(ctx context.Context, v proxy.Victim, query bool) (proxy.Victim, bool) {
	c := e.h.clientOf(v.At)
	if c == nil {
		return v, false
	}
	ctx, cancel := context.WithTimeout(ctx, relayTimeout)
	defer cancel()
	at, err := ask[proxy.Victim](ctx, c, http.MethodPost, fmt.Sprintf("/api/v1/victims/%d/aim/%s", v.ID, what(query)))
	return at, err == nil
}

// Settle implements proxy.Elsewhere.
func (e elsewhere) Settle(ctx context.Context, v proxy.Victim, query bool, o proxy.Outcome) {
	c := e.h.clientOf(v.At)
	if c == nil {
		return
	}
	for word, of := range outcomes() {
		if of == o {
			ctx, cancel := context.WithTimeout(ctx, relayTimeout)
			defer cancel()
			_, _ = ask[struct{}](ctx, c, http.MethodPost, fmt.Sprintf("/api/v1/victims/%d/%s/%s", v.ID, word, what(query))) // it finds out by itself, later
		}
	}
}

func what(query bool) string {
	if query {
		return "query"
	}
	return "connection"
}

// clientOf is how to ask the Segue that answers at a socket; nil: there is none.
func (h *Handler) clientOf(socket string) *Client {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range h.others {
		if o.Socket == socket {
			return o.client
		}
	}
	return nil
}

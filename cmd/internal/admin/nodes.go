package admin

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"time"

	"segue/backend"
)

// Node is one BE or CN that loads over HTTP may be sent to.
type Node struct {
	Name    string `json:"name"`    // HOST:PORT of its HTTP port, as the cluster names it
	Compute bool   `json:"compute"` // it is a CN
	Alive   bool   `json:"alive"`   // says the cluster
	Leaving bool   `json:"leaving"` // it gets no new load: it leaves, says the cluster, or an operator has drained it
	// Until is when an operator's drain ends by itself; nil: there is none.
	Until *time.Time `json:"drained_until,omitempty"`
	Loads int        `json:"loads"` // in flight on it
}

// NodeKeeper knows the BEs and CNs that loads may be sent to.
type NodeKeeper interface {
	// LoadNodes are all of them, by name.
	LoadNodes() []Node
	// DrainNode has one get no new load until then; the zero time takes that back. It reports whether there is such a node.
	DrainNode(name string, until time.Time) bool
	// DrainedNodes are those that are drained, and until when.
	DrainedNodes() map[string]time.Time
	// RestoreDrained has them be drained again, before it is known which nodes there are.
	RestoreDrained(nodes map[string]time.Time)
}

// DefaultNodeDrain is how long the drain of a BE or CN lasts, if nothing is said of it, and MaxNodeDrain how long it may. It ends by itself, so that one that nobody takes back is no node less for good.
const (
	DefaultNodeDrain = time.Hour
	MaxNodeDrain     = 24 * time.Hour
)

func (h *Handler) nodes(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, h.ownNodes())
}

// ownNodes are the nodes, with the loads of this Segue.
func (h *Handler) ownNodes() []Node {
	list := []Node{}
	if h.Nodes == nil {
		return list
	}
	list = append(list, h.Nodes.LoadNodes()...)
	on := map[string]int{}
	for _, l := range h.ownLoads() {
		on[l.Node]++
	}
	for i := range list {
		list[i].Loads = on[list[i].Name]
	}
	return list
}

func (h *Handler) setNode(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	to, err := backend.ParseAdmin(r.PathValue("admin"))
	if err != nil || to == backend.Maint {
		refuse(w, http.StatusNotFound, quote(r.PathValue("admin"))+": a BE or CN is drain or ready")
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	span, wrong := time.ParseDuration(cmp.Or(query.Get("for"), DefaultNodeDrain.String()))
	if err != nil || wrong != nil || span <= 0 || span > MaxNodeDrain || len(query["for"]) > 1 {
		refuse(w, http.StatusBadRequest, "the query "+quote(r.URL.RawQuery)+" is none; write it as in ?for=1h, with "+MaxNodeDrain.String()+" or less")
		return
	}
	until := time.Time{}
	if to == backend.Drain {
		until = time.Now().Add(span)
	}
	known := h.Nodes != nil && h.Nodes.DrainNode(name, until)
	h.tellOthers(r.Context(), to.String()+" "+name, func(ctx context.Context, c *Client) error {
		_, err := c.SetNode(ctx, name, to, span)
		return err
	})
	if !known {
		refuse(w, http.StatusNotFound, "no BE or CN is called "+quote(name)+"; /api/v1/nodes lists those that loads may be sent to")
		return
	}
	for _, n := range h.ownNodes() {
		if n.Name == name {
			answer(w, http.StatusOK, n)
			return
		}
	}
	refuse(w, http.StatusNotFound, "the cluster no longer has "+quote(name))
}

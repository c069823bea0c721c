package fesim

import (
	"fmt"
	"net/http"
	"time"
)

// ha is the page /ha (HaAction), the one place where an FE says when its last image was made. Only an operator sees it.
func (h *healthServer) ha(w http.ResponseWriter, r *http.Request) {
	fe := h.life.fe
	user, password, ok := r.BasicAuth()
	if known, exists := fe.opts.Users[user]; !ok || !exists || known != password {
		w.Header().Set("WWW-Authenticate", `Basic realm=""`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	leader, _ := fe.cluster.watch()
	role := "FOLLOWER"
	switch {
	case leader == fe:
		role = "LEADER"
	case fe.opts.Observer:
		role = "OBSERVER"
	}
	img := fe.cluster.lastImage()
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, "<h2>Frontend Role</h2><pre><p>%s</p></pre>\n<h2>Current Journal Id</h2><pre><p>%d</p></pre>\n<h2>Can Read</h2><pre><p>true</p></pre>\n", role, fe.cluster.replayedBy(fe))
	if !img.at.IsZero() { // the form of java.util.Date
		fmt.Fprintf(w, "<h2>Checkpoint Info</h2><pre><p>last checkpoint version:%d</p><p>last checkpoint time: %s</p></pre>\n", img.journalID, img.at.Format(time.UnixDate))
	}
}

// info is /info (MetaService.InfoAction), which only other FEs are answered.
func (h *healthServer) info(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusForbidden)
}

// metrics are some of /metrics.
func (h *healthServer) metrics(w http.ResponseWriter, _ *http.Request) {
	fe := h.life.fe
	fmt.Fprintf(w, "# TYPE starrocks_fe_connection_total gauge\nstarrocks_fe_connection_total %d\n", len(h.life.all()))
	fmt.Fprintf(w, "# TYPE starrocks_fe_max_journal_id gauge\nstarrocks_fe_max_journal_id %d\n", fe.cluster.replayedBy(fe))
	fmt.Fprintf(w, "# TYPE starrocks_fe_image_write counter\nstarrocks_fe_image_write %d\n", fe.cluster.lastImage().written)
}

func (c *Cluster) lastImage() image {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.image
}

// countBEs is what /api/health says of BEs and CNs. A cluster without simulated ones has one that is always well.
func (c *Cluster) countBEs() (online, total int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.bes) == 0 {
		return 1, 1
	}
	c.beats(time.Now())
	for _, b := range c.bes {
		if b.known.alive {
			online++
		}
	}
	return online, len(c.bes)
}

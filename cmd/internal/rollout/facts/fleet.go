package facts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"segue/backend"
	"segue/backend/discover/kube"
	"segue/backend/files"
	"segue/cmd/internal/admin"
	"segue/cmd/internal/rollout"
	"segue/proxy/ledger"
)

// Fleet are the Segues in front of a cluster.
type Fleet struct {
	// Places are where they are: an admin address (host:port, https://host:port, unix:PATH), dns:NAME:PORT for all addresses of a name, kubernetes:[NAMESPACE/]SERVICE:PORT for all
	// pods behind a service, those that terminate too, or file:PATH with one address a line.
	Places []string
	// Kube is the API server that is asked for pods.
	Kube kube.Config
	// Client makes a client for an admin address.
	Client func(address string) (*admin.Client, error)
	// MayMiss tells of an address whether one that cannot be told is passed over; nil: none is.
	MayMiss func(address string) bool
	// Traffic says that they are asked how fast statements are answered, too.
	Traffic bool
	// Timeout is how long one may take to answer.
	Timeout time.Duration

	files files.Reader
	// Turn is the longest that the turn of one node may take.
	Turn time.Duration

	sparing sync.Mutex      // guards spared
	spared  map[string]bool // Segues, by address and backend, that somebody else had told to send it no load: they stay so
	known   map[string]bool // addresses of those that have answered and not ended
}

// ask asks all of them, at a time.
func (f *Fleet) ask(ctx context.Context, timeout time.Duration) []rollout.Segue {
	if f == nil {
		return nil
	}
	addresses, wrong := f.addresses(ctx)
	listed := len(addresses)
	addresses = append(addresses, f.unlisted(addresses)...)
	all, failed := make([]rollout.Segue, len(addresses)), make([]error, len(addresses))
	var asking sync.WaitGroup
	for i, at := range addresses {
		asking.Go(func() {
			within, cancel := context.WithTimeout(ctx, cmp.Or(timeout, f.Timeout))
			defer cancel()
			all[i], failed[i] = f.one(within, at)
		})
	}
	asking.Wait()
	kept := all[:0]
	for i, at := range addresses {
		switch err := failed[i]; {
		case err == nil:
			f.known[at] = true
		case i >= listed && (errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)):
			delete(f.known, at) // it has ended
			continue
		case i >= listed:
			all[i] = rollout.Segue{Address: at, Error: "it is listed no more, and may still have sessions: " + err.Error()}
		default:
			all[i] = rollout.Segue{Address: at, Error: err.Error()}
		}
		if !slices.ContainsFunc(kept, func(g rollout.Segue) bool { return same(&g, &all[i]) }) {
			kept = append(kept, all[i])
		}
	}
	for _, place := range slices.Sorted(maps.Keys(wrong)) {
		kept = append(kept, rollout.Segue{Address: place, Error: wrong[place].Error()})
	}
	return kept
}

// unlisted are those that have answered and are not listed any more: a pod that terminates has its sessions still, and is what its service's name does not lead to.
func (f *Fleet) unlisted(listed []string) []string {
	if f.known == nil {
		f.known = map[string]bool{}
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f.known)), func(at string) bool { return slices.Contains(listed, at) })
}

// same tells whether two that answered are one process at two addresses: of IPv4 and IPv6, say.
func same(a, b *rollout.Segue) bool {
	return a.Error == "" && b.Error == "" && !a.Started.IsZero() && a.Started.Equal(b.Started) && len(a.Backends) == len(b.Backends)
}

// one asks a Segue.
func (f *Fleet) one(ctx context.Context, at string) (rollout.Segue, error) {
	g := rollout.Segue{Address: at}
	c, err := f.Client(at)
	if err != nil {
		return g, err
	}
	defer c.Close()
	status, err := c.Status(ctx)
	if err != nil {
		return g, err
	}
	backends, err := c.Backends(ctx)
	if err != nil {
		return g, err
	}
	own := rollout.Ledger{Started: status.Started}
	own.Seen, own.Hidden = counted(status.Failures)
	seen := len(own.Seen) > 0
	for _, o := range status.Others {
		if o.Error != "" && !f.mayMiss(at) {
			return g, fmt.Errorf("process %d, which it has taken over from, does not answer: %s", o.PID, o.Error)
		}
		if o.Error == "" {
			other := rollout.Ledger{Started: o.Started}
			other.Seen, other.Hidden = counted(o.Failures)
			less(own.Seen, other.Seen)
			less(own.Hidden, other.Hidden)
			g.Others = append(g.Others, other)
		}
	}
	g.Started, g.Seen, g.Hidden = own.Started, own.Seen, own.Hidden
	if seen {
		failed, err := c.Failures(ctx)
		if err != nil {
			return g, err
		}
		for _, i := range failed.Seen {
			g.Incidents = append(g.Incidents, rollout.Incident{
				Time: i.Time, Session: i.Session, Client: i.Client, User: i.User, Backend: i.Backend, Kind: string(i.Kind), Cause: i.Cause,
			})
		}
	}
	for _, b := range backends {
		g.Backends = append(g.Backends, rollout.SegueBackend{Name: b.Name, Address: b.Address, Health: b.Health, Admin: b.Admin, Sessions: b.Sessions, Cause: b.Cause})
	}
	if f.Traffic {
		families, err := c.Metrics(ctx)
		if err != nil {
			return g, err
		}
		g.Traffic = trafficOf(families)
	}
	sessions, err := c.Sessions(ctx)
	if err != nil {
		return g, err
	}
	for _, s := range sessions {
		if s.Pinned != "" || len(s.Differs) > 0 {
			why := cmp.Or(s.Pinned, "differs: "+strings.Join(s.Differs, ", "))
			g.Sticking = append(g.Sticking, rollout.SegueSession{ID: s.ID, Client: s.Client, User: s.User, Backend: s.Backend, Why: why})
		}
	}
	return g, f.loads(ctx, c, &g)
}

// loads adds what is loaded over HTTP. A Segue of an older release has none.
func (f *Fleet) loads(ctx context.Context, c *admin.Client, g *rollout.Segue) error {
	list, err := c.Loads(ctx)
	if said, ok := errors.AsType[*admin.Error](err); ok && said.Code == http.StatusNotFound {
		return nil
	}
	for i := range list {
		l := &list[i]
		g.Loads = append(g.Loads, rollout.SegueLoad{
			ID: l.ID, User: l.User, Kind: l.Kind, Table: strings.Trim(l.Database+"."+l.Table, "."), Label: l.Label, State: l.State, Frontend: l.Frontend, Node: l.Node, Since: l.Since,
		})
	}
	return err
}

// spareMargin is for how long a backend is spared loads beyond what its turn may take.
const spareMargin = 10 * time.Minute

// spareLoads has the Segues send no new load to a backend, or send them again. That is worth trying, and no more: it ends by itself, and a load that meets a node which leaves is sent to another.
func (f *Fleet) spareLoads(ctx context.Context, n rollout.Node, spare bool) {
	if f == nil || n.HTTP == "" {
		return
	}
	to := backend.Ready
	if spare {
		to = backend.Drain
	}
	addresses, _ := f.addresses(ctx)
	var telling sync.WaitGroup
	for _, at := range addresses {
		telling.Go(func() {
			c, err := f.Client(at)
			if err != nil {
				return
			}
			defer c.Close()
			ctx, cancel := context.WithTimeout(ctx, f.Timeout)
			defer cancel()
			if f.sparedByOthers(ctx, c, at, n, spare) {
				return
			}
			_, _ = c.SetNode(ctx, n.HTTP, to, min(f.Turn+spareMargin, admin.MaxNodeDrain))
		})
	}
	telling.Wait()
}

// sparedByOthers reports whether somebody else has told a Segue to send a backend no load, which is found out before it is told so.
func (f *Fleet) sparedByOthers(ctx context.Context, c *admin.Client, at string, n rollout.Node, spare bool) bool {
	key := at + " " + n.HTTP
	if spare {
		list, err := c.Nodes(ctx)
		others := err == nil && slices.ContainsFunc(list, func(x admin.Node) bool { return strings.EqualFold(x.Name, n.HTTP) && x.Until != nil })
		f.sparing.Lock()
		defer f.sparing.Unlock()
		if _, told := f.spared[key]; told { // by itself, most likely
			return f.spared[key]
		}
		if f.spared == nil {
			f.spared = map[string]bool{}
		}
		f.spared[key] = others
		return others
	}
	f.sparing.Lock()
	defer f.sparing.Unlock()
	others := f.spared[key]
	delete(f.spared, key)
	return others
}

// counted sums what clients saw, and what they did not, by kind.
func counted(list []ledger.Count) (seen, hidden map[string]int64) {
	seen, hidden = map[string]int64{}, map[string]int64{}
	for _, n := range list {
		if n.Action == ledger.Seen {
			seen[string(n.Kind)] += int64(n.Count)
		} else {
			hidden[string(n.Kind)] += int64(n.Count)
		}
	}
	return seen, hidden
}

// less takes the part of another process out of a sum.
func less(sum, part map[string]int64) {
	for kind, n := range part {
		sum[kind] = max(sum[kind]-n, 0)
	}
}

// Drain tells every Segue that a node leaves. One that keeps sessions off it already is not told: maint would become less.
func (f *Fleet) Drain(ctx context.Context, n rollout.Node) error {
	return f.tell(ctx, n, func(_ string, is backend.Admin) backend.Admin {
		if is == backend.Maint {
			return is
		}
		return backend.Drain
	})
}

// Ready tells every Segue that a node may have sessions again, but for those in stood. One that has it in maint is not told: somebody else has said so.
func (f *Fleet) Ready(ctx context.Context, n rollout.Node, stood map[string]backend.Admin) error {
	return f.tell(ctx, n, func(address string, is backend.Admin) backend.Admin {
		if is == backend.Maint {
			return is
		}
		return stood[address]
	})
}

// tell tells every Segue that has the node as a backend what is wanted of it, by the Segue's address and what it is told now. One that
// cannot be told keeps none of the others from it.
func (f *Fleet) tell(ctx context.Context, n rollout.Node, wanted func(address string, is backend.Admin) backend.Admin) error {
	if f == nil {
		return nil
	}
	var failed []error
	segues := f.ask(ctx, f.Timeout)
	for i := range segues {
		g := &segues[i]
		b := g.Backend(&n)
		err := error(nil)
		switch {
		case g.Error != "":
			err = errors.New(g.Error)
		case b == nil:
			continue
		default:
			if to := wanted(g.Address, b.Admin); to != b.Admin {
				err = f.set(ctx, g.Address, b.Name, to)
			}
		}
		if err != nil && (!f.mayMiss(g.Address) || g.Error == "") {
			failed = append(failed, fmt.Errorf("tell Segue %s: %w", g.Address, err))
		}
	}
	return errors.Join(failed...)
}

func (f *Fleet) mayMiss(address string) bool { return f.MayMiss != nil && f.MayMiss(address) }

func (f *Fleet) set(ctx context.Context, at, name string, to backend.Admin) error {
	c, err := f.Client(at)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	_, err = c.SetAdmin(ctx, name, to, false)
	return err
}

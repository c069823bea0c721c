package facts

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"segue/backend"
	"segue/cmd/internal/admin"
	"segue/cmd/internal/rollout"
	"segue/proxy/ledger"
)

// Fleet are the Segues in front of a cluster.
type Fleet struct {
	// Places are where they are: an admin address (host:port, https://host:port, unix:PATH), dns:NAME:PORT for all addresses of a name, or file:PATH with one address a line.
	Places []string
	// Client makes a client for an admin address.
	Client func(address string) (*admin.Client, error)
	// Missing says that one that cannot be told is passed over.
	Missing bool
	// Traffic says that they are asked how fast statements are answered, too.
	Traffic bool
	// Timeout is how long one may take to answer.
	Timeout time.Duration
}

// addresses are those of all Segues there are now. A place that cannot be read is an address that cannot be asked: nothing goes while it is so.
func (f *Fleet) addresses(ctx context.Context) (list []string, wrong map[string]error) {
	wrong = map[string]error{}
	for _, place := range f.Places {
		switch kind, rest, _ := strings.Cut(place, ":"); kind {
		case "dns":
			found, err := lookup(ctx, rest)
			if err != nil {
				wrong[place] = err
			}
			list = append(list, found...)
		case "file":
			found, err := readList(rest)
			if err != nil {
				wrong[place] = err
			}
			list = append(list, found...)
		default:
			list = append(list, place)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), wrong
}

// lookup finds all addresses of name:port.
func lookup(ctx context.Context, place string) (list []string, err error) {
	name, port, err := net.SplitHostPort(place)
	if err != nil {
		return nil, fmt.Errorf("want dns:NAME:PORT: %w", err)
	}
	hosts, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, h := range hosts {
		list = append(list, net.JoinHostPort(h, port))
	}
	return list, nil
}

// readList reads a file with one address a line; what follows # is a comment.
func readList(path string) (list []string, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no address", path)
	}
	return list, nil
}

// ask asks all of them, at a time.
func (f *Fleet) ask(ctx context.Context, whole bool, timeout time.Duration) ([]rollout.Segue, error) {
	if f == nil {
		return nil, nil
	}
	addresses, wrong := f.addresses(ctx)
	all := make([]rollout.Segue, len(addresses))
	var asking sync.WaitGroup
	for i, at := range addresses {
		asking.Go(func() {
			within, cancel := context.WithTimeout(ctx, cmp.Or(timeout, f.Timeout))
			defer cancel()
			all[i] = f.one(within, at)
		})
	}
	asking.Wait()
	for _, place := range slices.Sorted(maps.Keys(wrong)) {
		all = append(all, rollout.Segue{Address: place, Error: wrong[place].Error()})
	}
	return all, nil
}

// one asks a Segue.
func (f *Fleet) one(ctx context.Context, at string) rollout.Segue {
	g := rollout.Segue{Address: at}
	c, err := f.Client(at)
	if err != nil {
		return rollout.Segue{Address: at, Error: err.Error()}
	}
	defer c.Close()
	status, err := c.Status(ctx)
	if err != nil {
		return rollout.Segue{Address: at, Error: err.Error()}
	}
	backends, err := c.Backends(ctx)
	if err != nil {
		return rollout.Segue{Address: at, Error: err.Error()}
	}
	own := rollout.Ledger{Started: status.Started}
	own.Seen, own.Hidden = counted(status.Failures)
	seen := len(own.Seen) > 0
	for _, o := range status.Others {
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
			return rollout.Segue{Address: at, Error: err.Error()}
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
			return rollout.Segue{Address: at, Error: err.Error()}
		}
		g.Traffic = trafficOf(families)
	}
	sessions, err := c.Sessions(ctx)
	if err != nil {
		return rollout.Segue{Address: at, Error: err.Error()}
	}
	for _, s := range sessions {
		if s.Pinned != "" || len(s.Differs) > 0 {
			why := cmp.Or(s.Pinned, "differs: "+strings.Join(s.Differs, ", "))
			g.Sticking = append(g.Sticking, rollout.SegueSession{ID: s.ID, Client: s.Client, User: s.User, Backend: s.Backend, Why: why})
		}
	}
	return g
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

// Drain tells every Segue that a node leaves.
func (f *Fleet) Drain(ctx context.Context, n rollout.Node) error {
	return f.tell(ctx, n, backend.Drain)
}

// Ready tells every Segue that a node may have sessions again.
func (f *Fleet) Ready(ctx context.Context, n rollout.Node) error {
	return f.tell(ctx, n, backend.Ready)
}

// tell tells every Segue that has the node as a backend what the operator wants of it.
func (f *Fleet) tell(ctx context.Context, n rollout.Node, to backend.Admin) error {
	if f == nil {
		return nil
	}
	segues, err := f.ask(ctx, false, f.Timeout)
	if err != nil {
		return err
	}
	for i := range segues {
		g := &segues[i]
		b := g.Backend(&n)
		if g.Error == "" && (b == nil || b.Admin == to) {
			continue
		}
		if g.Error == "" {
			err = f.set(ctx, g.Address, b.Name, to)
		} else {
			err = fmt.Errorf("%s", g.Error)
		}
		if err != nil && (!f.Missing || g.Error == "") {
			return fmt.Errorf("tell Segue %s: %w", g.Address, err)
		}
	}
	return nil
}

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

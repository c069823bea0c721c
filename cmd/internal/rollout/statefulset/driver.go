package statefulset

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"segue/backend/discover/kube"
	"segue/cmd/internal/rollout"
)

// Driver replaces pods as nodes of a rollout: each node is a pod of one of its sets. A pod that is stopped comes back by itself, in the version that its set stands to,
// so that Upgrade and Rollback have nothing to do.
type Driver struct {
	sets   []*Set
	places map[string]place // by the nodes' names, since a pod that has gone has no address
}

type place struct {
	set *Set
	pod string
}

var (
	_ rollout.Driver   = (*Driver)(nil)
	_ rollout.Preparer = (*Driver)(nil)
	_ rollout.Orderer  = (*Driver)(nil)
)

// New makes a driver for the StatefulSets that the options name: those of frontends, backends and compute nodes, say.
func New(client *kube.Client, all ...Options) (*Driver, error) {
	d := &Driver{places: make(map[string]place)}
	for _, o := range all {
		s, err := NewSet(client, o)
		if err != nil {
			return nil, err
		}
		d.sets = append(d.sets, s)
	}
	return d, nil
}

// Prepare implements [rollout.Preparer]: it checks all sets before the first pod is replaced, and changes none.
func (d *Driver) Prepare(ctx context.Context, back bool) error {
	for _, s := range d.sets {
		if err := s.Prepare(ctx, back); err != nil {
			return err
		}
	}
	return nil
}

// Stop implements [rollout.Driver]: the pod is replaced, and gone when Stop returns.
func (d *Driver) Stop(ctx context.Context, n rollout.Node) error {
	p, err := d.find(ctx, n)
	if err != nil {
		return err
	}
	return p.set.Stop(ctx, p.pod)
}

// Start implements [rollout.Driver]: it waits until the pod that replaces the stopped one is ready.
func (d *Driver) Start(ctx context.Context, n rollout.Node) error {
	p, err := d.find(ctx, n)
	if err != nil {
		return err
	}
	return p.set.Start(ctx, p.pod)
}

// Upgrade implements [rollout.Driver]. There is nothing to do: Stop has changed the set's image.
func (*Driver) Upgrade(context.Context, rollout.Node) error { return nil }

// Rollback implements [rollout.Driver]. There is nothing to do: behind Prepare, Stop has changed the set's image back.
func (*Driver) Rollback(context.Context, rollout.Node) error { return nil }

// Sort implements [rollout.Orderer]: pods of one set go from the highest ordinal down, as partitions have it. Nodes that are no pods stay where they are; May says so.
func (d *Driver) Sort(ctx context.Context, nodes []rollout.Node) {
	for _, s := range d.sets {
		var at []int
		var pods []rollout.Node
		ordinals := map[string]int{}
		for i, n := range nodes {
			if p, err := d.find(ctx, n); err == nil && p.set == s {
				at, pods = append(at, i), append(pods, n)
				ordinals[n.Name], _ = strconv.Atoi(p.pod[strings.LastIndex(p.pod, "-")+1:])
			}
		}
		slices.SortStableFunc(pods, func(a, b rollout.Node) int { return cmp.Compare(ordinals[b.Name], ordinals[a.Name]) })
		for i, n := range pods {
			nodes[at[i]] = n
		}
	}
}

// May implements [rollout.Orderer]. What is kept is which pod the node is, and its UID: a new pod that has its name is not evicted once more, and one that is gone is found.
func (d *Driver) May(ctx context.Context, n rollout.Node) (kept string, err error) {
	p, err := d.find(ctx, n)
	if err != nil {
		return "", err
	}
	uid, err := p.set.May(ctx, p.pod)
	return p.set.options.Name + " " + p.pod + " " + uid, err
}

// Recall implements [rollout.Orderer].
func (d *Driver) Recall(n rollout.Node, kept string) {
	words := strings.Split(kept, " ")
	for _, s := range d.sets {
		if len(words) == 3 && s.options.Name == words[0] {
			d.places[n.Name] = place{s, words[1]}
			s.Recall(words[1], words[2])
		}
	}
}

// find tells which pod the node is: by its host or its name, as StatefulSets' headless services make them, or by its IP address.
func (d *Driver) find(ctx context.Context, n rollout.Node) (place, error) {
	if p, ok := d.places[n.Name]; ok {
		return p, nil
	}
	p, ok, err := d.named(ctx, n)
	if err != nil {
		return place{}, err
	}
	if !ok {
		if p, ok, err = d.addressed(ctx, n.Host); err != nil {
			return place{}, err
		}
	}
	if !ok {
		var names []string
		for _, s := range d.sets {
			names = append(names, s.options.Name)
		}
		return place{}, fmt.Errorf("node %s at %s is no pod of StatefulSet %s", n.Name, n.Host, strings.Join(names, " or "))
	}
	d.places[n.Name] = p
	return p, nil
}

// named reads POD, POD.SERVICE, POD.SERVICE.NAMESPACE and longer ones. A pod of another service or namespace is another one, though it may be called the same.
func (d *Driver) named(ctx context.Context, n rollout.Node) (place, bool, error) {
	for _, name := range []string{n.Host, n.Name} {
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		if _, err := netip.ParseAddr(name); err == nil {
			continue
		}
		pod, rest, _ := strings.Cut(name, ".")
		for _, s := range d.sets {
			ordinal, ok := strings.CutPrefix(pod, s.options.Name+"-")
			if !ok || ordinal == "" || strings.Trim(ordinal, "0123456789") != "" {
				continue
			}
			if under, err := s.under(ctx, rest); under || err != nil {
				return place{s, pod}, under, err
			}
		}
	}
	return place{}, false, nil
}

// addressed looks for a pod that has the address now.
func (d *Driver) addressed(ctx context.Context, host string) (place, bool, error) {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return place{}, false, nil
	}
	for _, s := range d.sets {
		name, err := s.at(ctx, ip)
		if err != nil || name != "" {
			return place{s, name}, err == nil, err
		}
	}
	return place{}, false, nil
}

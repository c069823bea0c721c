package statefulset

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"segue/backend/discover/kube"
)

// again is how long to wait before a request that may succeed by waiting is sent again, and for the change that a request has brought about to be told of.
const again = time.Second

// Set replaces the pods of one StatefulSet. One call at a time.
type Set struct {
	client  *kube.Client
	options Options
	back    bool
	service string            // the headless one that its pods' names are under; known once the set was read
	stopped map[string]string // the UIDs of pods that Stop was called for, by name
}

// NewSet makes one. It asks nothing yet.
func NewSet(client *kube.Client, o Options) (*Set, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Namespace == "" {
		o.Namespace = client.Namespace()
	}
	return &Set{client: client, options: o, stopped: make(map[string]string)}, nil
}

// Prepare checks that the set can be rolled out (back: rolled back) as it is asked for, and changes nothing. What it says is what Stop does from then on.
func (s *Set) Prepare(ctx context.Context, back bool) error {
	if s.back != back {
		s.back = back
		clear(s.stopped) // they are stopped once more
	}
	return s.run(ctx, func(v *view) step {
		if st := v.changed(&s.options, back); st.err != nil {
			return st
		}
		return step{}
	})
}

// May tells why the pod of that name cannot be the next one to stop, and changes nothing. uid is the pod's; empty: there is none.
func (s *Set) May(ctx context.Context, pod string) (uid string, err error) {
	err = s.run(ctx, func(v *view) step {
		if p := v.pods[pod]; p != nil {
			uid = p.Metadata.UID
		}
		return step{err: v.may(&s.options, s.back, pod)}
	})
	return uid, err
}

// Recall has the set know which pod is to be stopped, after another process has asked May.
func (s *Set) Recall(pod, uid string) {
	if s.stopped[pod] == "" {
		s.stopped[pod] = uid
	}
}

// Stop changes the set's image if that is due, replaces exactly the pod of that name, and returns when it is gone. Where it has been replaced before by an upgrade
// there is nothing to do. In a mere restart only this Set knows what it has stopped, or was told (Recall).
func (s *Set) Stop(ctx context.Context, pod string) error {
	return s.run(ctx, func(v *view) step {
		st := v.stop(&s.options, s.back, pod, s.stopped[pod])
		if st.replaced != nil {
			s.stopped[pod] = st.replaced.Metadata.UID
		}
		return st
	})
}

// Start returns when the pod that has the name is another one than Stop was called for, of the wanted revision, and ready. The controller makes and the kubelet starts it.
func (s *Set) Start(ctx context.Context, pod string) error {
	return s.run(ctx, func(v *view) step { return v.start(&s.options, s.back, pod, s.stopped[pod]) })
}

// run looks, decides and acts until that is done. A context that ends is an error with what was waited for.
func (s *Set) run(ctx context.Context, decide func(*view) step) error {
	r := run{set: s, decide: decide, news: make(chan func(*view)), ended: make(chan error), view: &view{}}
	follow, cancel := context.WithCancel(ctx)
	var followers sync.WaitGroup
	defer followers.Wait()
	defer cancel()
	var first set
	if err := s.client.Get(ctx, s.path(), &first); err != nil {
		return fmt.Errorf("read StatefulSet: %w", err)
	}
	r.follow(follow, &followers, kube.Collection{Path: s.sets(), Fields: "metadata.name=" + s.options.Name}, r.tellSet)
	r.follow(follow, &followers, s.allPods(&first), r.tellPods)
	if s.options.Owner == StarRocksCluster {
		r.follow(follow, &followers, kube.Collection{Path: s.clusters(), Fields: "metadata.name=" + s.cluster()}, r.tellCluster)
	}
	return r.loop(ctx)
}

func (s *Set) sets() string {
	return "/apis/apps/v1/namespaces/" + s.options.Namespace + "/statefulsets"
}

func (s *Set) path() string { return s.sets() + "/" + s.options.Name }

func (s *Set) clusters() string {
	return "/apis/starrocks.com/v1/namespaces/" + s.options.Namespace + "/starrocksclusters"
}

// cluster is the name of the StarRocksCluster whose operator made the set.
func (s *Set) cluster() string {
	return s.options.Name[:len(s.options.Name)-len(component(s.options.Name).suffix)-1]
}

// run is a run under way. Followers tell their news to its loop, which alone knows the view.
type run struct {
	set    *Set
	decide func(*view) step
	news   chan func(*view)
	ended  chan error // of a follower that cannot go on

	view    *view
	pods    []*pod // of the selector, whosever they are; nil: not known yet
	lacking error  // what can be rolled out no more, since it is not there
	waiting string // what was waited for last
	trouble error  // the latest that may pass
}

func (r *run) follow(ctx context.Context, all *sync.WaitGroup, what kube.Collection, tell func(context.Context, []json.RawMessage)) {
	all.Go(func() {
		err := r.set.client.Follow(ctx, what, kube.Follower{
			Report:  func(objects []json.RawMessage) { tell(ctx, objects) },
			Trouble: func(err error) error { return r.troubled(ctx, err) },
		})
		select {
		case r.ended <- err:
		case <-ctx.Done():
		}
	})
}

// troubled gives what no waiting mends back, so that following ends.
func (r *run) troubled(ctx context.Context, err error) error {
	if final(err) {
		return err
	}
	r.tell(ctx, func(*view) { r.trouble = err })
	return nil
}

// final tells whether a request that has failed fails again.
func final(err error) bool {
	return slices.Contains([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity}, kube.Code(err))
}

func (r *run) tell(ctx context.Context, news func(*view)) {
	select {
	case r.news <- news:
	case <-ctx.Done():
	}
}

func (r *run) tellSet(ctx context.Context, objects []json.RawMessage) {
	sets, err := parse[set](objects)
	r.tell(ctx, func(v *view) {
		v.set, r.trouble = nil, err
		if len(sets) == 1 {
			v.set = sets[0]
		}
	})
}

func (r *run) tellPods(ctx context.Context, objects []json.RawMessage) {
	pods, err := parse[pod](objects)
	r.tell(ctx, func(*view) { r.pods, r.trouble = pods, err })
}

func (r *run) tellCluster(ctx context.Context, objects []json.RawMessage) {
	clusters, err := parse[cluster](objects)
	r.tell(ctx, func(v *view) {
		v.cluster, r.trouble = nil, err
		if len(clusters) == 1 {
			v.cluster = clusters[0]
		} else if err == nil {
			r.lacking = fmt.Errorf("StarRocksCluster %s is not there, whose operator would change StatefulSet %s; is it another operator's, or none's?", r.set.cluster(), r.set.options.Name)
		}
	})
}

// complete tells whether all is known that decides, and joins it.
func (r *run) complete() bool {
	if r.view.set == nil || r.pods == nil || r.set.options.Owner == StarRocksCluster && r.view.cluster == nil {
		return false
	}
	r.view.pods = make(map[string]*pod, len(r.pods))
	for _, p := range r.pods {
		if p.owned(r.view.set) {
			r.view.pods[p.Metadata.Name] = p
		}
	}
	return true
}

func (r *run) loop(ctx context.Context) error {
	retry := time.NewTimer(again)
	defer retry.Stop()
	held := false // until retry
	for {
		select {
		case news := <-r.news:
			news(r.view)
		case err := <-r.ended:
			if ctx.Err() != nil {
				return r.broken(ctx)
			}
			return err
		case <-retry.C:
			held = false
		case <-ctx.Done():
			return r.broken(ctx)
		}
		if r.lacking != nil {
			return r.lacking
		}
		if held || !r.complete() {
			continue
		}
		st := r.decide(r.view)
		if st.done() || st.err != nil {
			return st.err
		}
		if st.wait != "" {
			r.progress(st.wait)
			continue
		}
		pause, err := r.act(ctx, st)
		if err != nil {
			return err
		}
		held = pause > 0
		retry.Reset(max(pause, again))
	}
}

// broken is the error of a context that has ended before.
func (r *run) broken(ctx context.Context) error {
	what := r.waiting
	if what == "" {
		what = "the API server to tell of StatefulSet " + r.set.options.Name
	}
	if r.trouble != nil {
		return fmt.Errorf("wait for %s: %w (%w)", what, context.Cause(ctx), r.trouble)
	}
	return fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
}

func (r *run) progress(wait string) {
	if wait == r.waiting {
		return
	}
	r.waiting = wait
	if r.set.options.Progress != nil {
		r.set.options.Progress(wait)
	}
}

// at finds the set's pod that has the address; empty: none has.
func (s *Set) at(ctx context.Context, ip netip.Addr) (string, error) {
	var owner set
	if err := s.client.Get(ctx, s.path(), &owner); err != nil {
		return "", fmt.Errorf("read StatefulSet: %w", err)
	}
	objects, err := s.client.List(ctx, s.allPods(&owner))
	if err != nil {
		return "", err
	}
	pods, err := parse[pod](objects)
	if err != nil {
		return "", fmt.Errorf("list pods of StatefulSet %s: %w", s.options.Name, err)
	}
	for _, p := range pods {
		if !p.owned(&owner) || p.terminating() {
			continue
		}
		for _, has := range p.Status.PodIPs {
			if addr, err := netip.ParseAddr(has.IP); err == nil && addr == ip.Unmap() {
				return p.Metadata.Name, nil
			}
		}
	}
	return "", nil
}

// under tells whether a pod of the set is the one whose name goes on like that: SERVICE, SERVICE.NAMESPACE, or more.
func (s *Set) under(ctx context.Context, rest string) (bool, error) {
	if rest == "" {
		return true, nil
	}
	if s.service == "" {
		var owner set
		if err := s.client.Get(ctx, s.path(), &owner); err != nil {
			return false, fmt.Errorf("read StatefulSet: %w", err)
		}
		s.service = owner.Spec.ServiceName
	}
	labels := strings.Split(rest, ".")
	return labels[0] == s.service && (len(labels) == 1 || labels[1] == s.options.Namespace), nil
}

func (s *Set) allPods(owner *set) kube.Collection {
	return kube.Collection{Path: "/api/v1/namespaces/" + s.options.Namespace + "/pods", Labels: owner.Spec.Selector.String()}
}

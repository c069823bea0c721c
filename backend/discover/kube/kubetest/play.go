package kubetest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Play is what stands behind the API server in one namespace, played: the StatefulSet controller (podManagementPolicy Parallel), the kubelet, and the StarRocks operator.
// It looks every few milliseconds, and does what they do, in their order: see updateStatefulSet in k8s.io/kubernetes/pkg/controller/statefulset.
type Play struct {
	s         *Server
	t         *testing.T
	namespace string
	revisions map[string]any      // templates by the names of their revisions
	kept      map[string]*process // by the UIDs of their pods

	mu       sync.Mutex
	images   map[string]Container // by the names of their pods
	journal  []string
	unready  map[string]int  // the most pods of a set that were not ready at a time, since all were for the first time
	complete map[string]bool // all pods of a set were ready once
	idle     bool            // the operator does nothing
}

// look is how often Play looks.
const look = 20 * time.Millisecond

// Play begins, and ends with the test.
func (s *Server) Play(t *testing.T, namespace string) *Play {
	t.Helper()
	p := &Play{
		s: s, t: t, namespace: namespace, revisions: make(map[string]any), kept: make(map[string]*process), images: make(map[string]Container), unready: make(map[string]int), complete: make(map[string]bool),
	}
	ctx, cancel := context.WithCancel(context.Background()) // ended by the cleanup
	ended := make(chan struct{})
	go p.run(ctx, ended)
	t.Cleanup(func() { cancel(); <-ended })
	return p
}

// Container is what runs in the pods of one name.
type Container interface {
	IP() string
	// Start starts it with an image, Stop ends it with grace and returns when it has ended.
	Start(image string) error
	Stop()
	// Ready is what the pod's readiness probe would find.
	Ready() bool
}

// Run has the pods of that name run something. It is said before there are any.
func (p *Play) Run(pod string, c Container) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.images[pod] = c
}

// process is a Container in one pod.
type process struct {
	Container
	stopping chan struct{} // closed when it has ended; nil: nobody has stopped it
}

// process gives what runs in a pod, started; nil: nothing does.
func (p *Play) process(name, uid, image string) *process {
	if k := p.kept[uid]; k != nil {
		return k
	}
	p.mu.Lock()
	c := p.images[name]
	p.mu.Unlock()
	if c == nil {
		return nil
	}
	if err := c.Start(image); err != nil {
		p.t.Errorf("play: start %s: %v", name, err)
	}
	k := &process{Container: c}
	p.kept[uid] = k
	return k
}

// ended stops it, and tells whether it has ended.
func (k *process) ended() bool {
	if k.stopping == nil {
		k.stopping = make(chan struct{})
		go k.stop()
	}
	select {
	case <-k.stopping:
		return true
	default:
		return false
	}
}

func (k *process) stop() {
	k.Stop()
	close(k.stopping)
}

// Journal is what pods have gone through: "stop sr-fe-0 IMAGE" when one begins to terminate, "make sr-fe-0 IMAGE", "ready sr-fe-0 IMAGE".
func (p *Play) Journal() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.journal...)
}

// Forget begins a new journal.
func (p *Play) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.journal = nil
}

// Unready is how many pods of a set were not ready at a time, at most.
func (p *Play) Unready(set string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unready[set]
}

// StatefulSet makes a set of three and waits until its pods are ready. strategy is its updateStrategy.
func (p *Play) StatefulSet(t *testing.T, name, image string, strategy Object) {
	t.Helper()
	labels := Object{"app": name}
	container := name[strings.LastIndex(name, "-")+1:]
	p.s.Post(t, p.path("/apis/apps/v1", "statefulsets"), Object{"metadata": Object{"name": name}, "spec": Object{
		"replicas": 3, "serviceName": name + "-search", "podManagementPolicy": "Parallel", "updateStrategy": strategy,
		"selector": Object{"matchLabels": labels},
		"template": Object{"metadata": Object{"labels": labels}, "spec": Object{
			"nodeName":   "node-1", // bound, so that it terminates with grace, as it does on a node
			"containers": []any{Object{"name": container, "image": image}},
		}},
	}})
	p.Await(t, "ready "+name+"-0 "+image, "ready "+name+"-1 "+image, "ready "+name+"-2 "+image)
	p.Forget()
}

// Await waits until all entries are in the journal.
func (p *Play) Await(t *testing.T, entries ...string) {
	t.Helper()
	timeout := time.After(startTimeout)
	for {
		text := "\n" + strings.Join(p.Journal(), "\n") + "\n"
		missing := ""
		for _, e := range entries {
			if !strings.Contains(text, "\n"+e+"\n") {
				missing = e
			}
		}
		if missing == "" {
			return
		}
		select {
		case <-time.After(look):
		case <-timeout:
			t.Fatalf("wait for %q; the journal is %s", missing, text)
		}
	}
}

// Operator makes the resource of the StarRocks operator known, as far as a rollout reads it.
func (s *Server) Operator(t *testing.T) {
	t.Helper()
	s.Define(t, Object{"metadata": Object{"name": "starrocksclusters.starrocks.com"}, "spec": Object{
		"group": "starrocks.com", "scope": "Namespaced",
		"names": Object{"plural": "starrocksclusters", "singular": "starrockscluster", "kind": "StarRocksCluster", "listKind": "StarRocksClusterList"},
		"versions": []any{Object{"name": "v1", "served": true, "storage": true, "schema": Object{"openAPIV3Schema": Object{
			"type": "object", "properties": Object{"spec": Object{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
		}}}},
	}})
}

// Pause has the operator do nothing until it is called with false.
func (p *Play) Pause(idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = idle
}

func (p *Play) path(group, resource string) string {
	return group + "/namespaces/" + p.namespace + "/" + resource
}

// note does what the entry tells of, and has it in the journal before anybody can have seen it done.
func (p *Play) note(entry string, do func() bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if do() {
		p.journal = append(p.journal, entry)
	}
}

func (p *Play) run(ctx context.Context, ended chan struct{}) {
	defer close(ended)
	for ctx.Err() == nil {
		p.operator(ctx)
		p.controller(ctx)
		p.kubelet(ctx)
		select {
		case <-time.After(look):
		case <-ctx.Done():
		}
	}
}

// list gives all objects of a kind; none where the server does not know it.
func (p *Play) list(ctx context.Context, group, resource string) []Object {
	code, answer, err := p.s.ask(ctx, http.MethodGet, p.path(group, resource), "", nil)
	var got struct{ Items []Object }
	if err == nil && code == http.StatusOK {
		err = json.Unmarshal(answer, &got)
	}
	if err != nil && ctx.Err() == nil {
		p.t.Errorf("play: list %s: %v", resource, err)
	}
	return got.Items
}

// send changes an object; conflicts and what has gone meanwhile are met again at the next look.
func (p *Play) send(ctx context.Context, method, path, contentType string, o Object) bool {
	code, answer, err := p.s.ask(ctx, method, path, contentType, o)
	if err == nil && code/100 == 2 {
		return true
	}
	if ctx.Err() == nil && code != http.StatusConflict && code != http.StatusNotFound {
		p.t.Errorf("play: %s %s: %d %s %v", method, path, code, answer, err)
	}
	return false
}

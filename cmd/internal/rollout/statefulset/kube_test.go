package statefulset

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend/discover/kube"
	"segue/backend/discover/kube/kubetest"
	"segue/cmd/internal/rollout"
)

// stepTimeout is for machines that do much else.
const stepTimeout = 60 * time.Second

type object = kubetest.Object

var (
	onDelete  = object{"type": "OnDelete"}
	rollingAt = func(partition int) object {
		return object{"type": "RollingUpdate", "rollingUpdate": object{"partition": partition}}
	}
)

// TestKube replaces pods on a real API server, as the account and with the Roles of deploy/kubernetes. StatefulSet controller, kubelet and operator are played.
func TestKube(t *testing.T) {
	s := suite{kubetest.Start(t)}
	s.Operator(t)
	t.Run("on-delete", s.onDelete)
	t.Run("made on-delete", s.madeOnDelete)
	t.Run("partition", s.partition)
	t.Run("restart", s.restart)
	t.Run("goes on", s.goesOn)
	t.Run("a restart goes on", s.restartGoesOn)
	t.Run("broken image", s.broken)
	t.Run("partition back", s.partitionBack)
	t.Run("disruption budget", s.budget)
	t.Run("another pod", s.anotherPod)
	t.Run("operator", func(t *testing.T) { s.operator(t, OnDelete, "1 2 0") })
	t.Run("operator, partition", func(t *testing.T) { s.operator(t, Partition, "2 1 0") })
	t.Run("operator that sleeps", s.operatorSleeps)
	t.Run("a verb less", s.verbLess)
	t.Run("rollout", s.rollout)
	t.Run("missing", s.missing)
}

// suite is the server that the parts of TestKube share.
type suite struct{ *kubetest.Server }

// stage is a namespace with its play, and a client with a Role of deploy/kubernetes.
type stage struct {
	*kubetest.Play
	server    *kubetest.Server
	namespace string
	client    *kube.Client
}

func newStage(t *testing.T, s *kubetest.Server, role string, without ...kubetest.Verb) *stage {
	t.Helper()
	ns := s.Namespace(t)
	client, err := kube.New(kube.Config{Server: s.URL, CAFile: s.CA, TokenFile: s.Grant(t, ns, role, without...), Namespace: ns})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &stage{Play: s.Play(t, ns), server: s, namespace: ns, client: client}
}

func (st *stage) driver(t *testing.T, all ...Options) *Driver {
	t.Helper()
	for i := range all {
		all[i].Progress = func(text string) { t.Logf("%s: wait for %s", all[i].Name, text) }
	}
	d, err := New(st.client, all...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// node is a node of a rollout, as StarRocks calls its frontends under the operator.
func node(pod string) rollout.Node {
	set := pod[:strings.LastIndex(pod, "-")]
	return rollout.Node{Name: pod, Host: pod + "." + set + "-search"}
}

// replace stops and starts pods, "2 0 1" of a set, as a rollout does.
func replace(t *testing.T, d *Driver, set, ordinals string) {
	t.Helper()
	for ordinal := range strings.FieldsSeq(ordinals) {
		n := node(set + "-" + ordinal)
		ctx, cancel := context.WithTimeout(t.Context(), stepTimeout)
		defer cancel()
		for _, do := range []func(context.Context, rollout.Node) error{d.Stop, d.Upgrade, d.Start} {
			if err := do(ctx, n); err != nil {
				t.Fatalf("replace %s: %v", n.Name, err)
			}
		}
	}
}

func prepare(t *testing.T, d *Driver, back bool) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stepTimeout)
	defer cancel()
	return d.Prepare(ctx, back)
}

// wants checks the journal: exactly these pods, in this order, each stopped and then made and ready with the new image.
func (st *stage) wants(t *testing.T, set, ordinals, from, to string) {
	t.Helper()
	var want []string
	for ordinal := range strings.FieldsSeq(ordinals) {
		pod := set + "-" + ordinal
		want = append(want, "stop "+pod+" "+from, "make "+pod+" "+to, "ready "+pod+" "+to)
	}
	if got := st.Journal(); !slices.Equal(got, want) {
		t.Errorf("pods went through\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := st.Unready(set); n > 1 {
		t.Errorf("%d pods of %s were not ready at a time", n, set)
	}
}

func (s suite) onDelete(t *testing.T) {
	st := newStage(t, s.Server, "rollout-statefulsets.yaml")
	st.StatefulSet(t, "sr-fe", "fe:1", onDelete)
	d := st.driver(t, Options{Name: "sr-fe", Image: "fe:2"})
	if err := prepare(t, d, false); err != nil {
		t.Fatal(err)
	}
	if image := st.image(t, "sr-fe"); image != "fe:1" || len(st.Journal()) > 0 {
		t.Errorf("Prepare has changed something: image %s, %q", image, st.Journal())
	}
	replace(t, d, "sr-fe", "1 2 0")
	st.wants(t, "sr-fe", "1 2 0", "fe:1", "fe:2")

	// Back, by another process, which has not been told to what.
	st.Forget()
	d = st.driver(t, Options{Name: "sr-fe", Image: "fe:2"})
	if err := prepare(t, d, true); err != nil {
		t.Fatal(err)
	}
	replace(t, d, "sr-fe", "0 2 1")
	st.wants(t, "sr-fe", "0 2 1", "fe:2", "fe:1")
}

func (st *stage) sets(set string) string {
	return "/apis/apps/v1/namespaces/" + st.namespace + "/statefulsets/" + set
}

func (st *stage) image(t *testing.T, set string) string {
	t.Helper()
	containers := kubetest.At(st.server.Get(t, st.sets(set)), "spec", "template", "spec", "containers").([]any)
	return kubetest.Text(containers[0], "image")
}

// A set that its controller would roll out in its own order is refused, before anything is changed, unless it may be made OnDelete.
func (s suite) madeOnDelete(t *testing.T) {
	st := newStage(t, s.Server, "rollout-statefulsets.yaml")
	st.StatefulSet(t, "sr-fe", "fe:1", rollingAt(0))
	d := st.driver(t, Options{Name: "sr-fe", Image: "fe:2"})
	if err := prepare(t, d, false); err == nil || !strings.Contains(err.Error(), "say mode on-delete") {
		t.Errorf("Prepare: %v, want what to say", err)
	}
	if err := d.Stop(t.Context(), node("sr-fe-1")); err == nil || !strings.Contains(err.Error(), "say mode on-delete") {
		t.Errorf("Stop: %v, want what to say", err)
	}
	if image := st.image(t, "sr-fe"); image != "fe:1" || len(st.Journal()) > 0 {
		t.Errorf("something was changed: image %s, %q", image, st.Journal())
	}
	replace(t, st.driver(t, Options{Name: "sr-fe", Image: "fe:2", Mode: OnDelete}), "sr-fe", "0 1 2")
	st.wants(t, "sr-fe", "0 1 2", "fe:1", "fe:2")
}

func (s suite) partition(t *testing.T) {
	st := newStage(t, s.Server, "rollout-statefulsets.yaml")
	st.StatefulSet(t, "sr-fe", "fe:1", rollingAt(3))
	d := st.driver(t, Options{Name: "sr-fe", Image: "fe:2"})
	if err := d.Stop(t.Context(), node("sr-fe-0")); err == nil || !strings.Contains(err.Error(), "cannot be replaced before sr-fe-2") {
		t.Errorf("Stop sr-fe-0: %v, want which one is first", err)
	}
	if image := st.image(t, "sr-fe"); image != "fe:1" {
		t.Errorf("image %s: something was changed", image)
	}
	replace(t, d, "sr-fe", "2 1 0")
	st.wants(t, "sr-fe", "2 1 0", "fe:1", "fe:2")
}

func (s suite) restart(t *testing.T) {
	st := newStage(t, s.Server, "rollout-statefulsets.yaml", kubetest.Verb{Resource: "statefulsets", Verb: "patch"}) // which a restart does not need
	st.StatefulSet(t, "sr-fe", "fe:1", rollingAt(0))
	d := st.driver(t, Options{Name: "sr-fe"})
	replace(t, d, "sr-fe", "1 0 2")
	st.wants(t, "sr-fe", "1 0 2", "fe:1", "fe:1")
	if err := d.Stop(t.Context(), node("sr-fe-1")); err != nil || len(st.Journal()) != 9 {
		t.Errorf("Stop again: %v, %q", err, st.Journal())
	}
}

// A rollout whose process ended between any two steps is gone on with by another one, which replaces no pod twice.
func (s suite) goesOn(t *testing.T) {
	st := newStage(t, s.Server, "rollout-statefulsets.yaml")
	st.StatefulSet(t, "sr-fe", "fe:1", onDelete)
	fresh := func() *Driver { return st.driver(t, Options{Name: "sr-fe", Image: "fe:2"}) }
	for _, pod := range []string{"sr-fe-2", "sr-fe-0", "sr-fe-1"} {
		for range 2 {
			if err := fresh().Stop(t.Context(), node(pod)); err != nil {
				t.Fatal(err)
			}
			if err := fresh().Start(t.Context(), node(pod)); err != nil {
				t.Fatal(err)
			}
		}
	}
	st.wants(t, "sr-fe", "2 0 1", "fe:1", "fe:2")
}

// A new image that cannot be pulled is told as such, and one can go back; the other pods stay as they are.
func (s suite) broken(t *testing.T) {
	st := newStage(t, s.Server, "rollout-statefulsets.yaml")
	st.StatefulSet(t, "sr-fe", "fe:1", onDelete)
	d := st.driver(t, Options{Name: "sr-fe", Image: "fe:broken"})
	n := node("sr-fe-1")
	if err := d.Stop(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := d.Start(ctx, n); err == nil || !strings.Contains(err.Error(), "wait for pod sr-fe-1 to be ready: container fe: ImagePullBackOff Back-off pulling image: context deadline exceeded") {
		t.Errorf("Start: %v, want the cause", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := d.Stop(ctx, node("sr-fe-2")); err == nil || !strings.Contains(err.Error(), "wait for pod sr-fe-1, which is not ready") {
		t.Errorf("Stop of the next one: %v, want that it waits", err)
	}
	if err := prepare(t, d, true); err != nil {
		t.Fatal(err)
	}
	replace(t, d, "sr-fe", "1")
	if got, want := st.Journal(), []string{"stop sr-fe-1 fe:1", "make sr-fe-1 fe:broken", "stop sr-fe-1 fe:broken", "make sr-fe-1 fe:1", "ready sr-fe-1 fe:1"}; !slices.Equal(got, want) {
		t.Errorf("pods went through %q, want %q", got, want)
	}
}

// Going back under a partition, no pod goes back by itself.
func (s suite) partitionBack(t *testing.T) {
	st := newStage(t, s.Server, "rollout-statefulsets.yaml")
	st.StatefulSet(t, "sr-fe", "fe:1", rollingAt(3))
	d := st.driver(t, Options{Name: "sr-fe", Image: "fe:2"})
	replace(t, d, "sr-fe", "2 1")
	st.Forget()
	if err := prepare(t, d, true); err != nil {
		t.Fatal(err)
	}
	replace(t, d, "sr-fe", "2 1 0") // 0 was never changed
	st.wants(t, "sr-fe", "2 1", "fe:2", "fe:1")
}

// A PodDisruptionBudget that allows no disruption is waited for, and said.
func (s suite) budget(t *testing.T) {
	st := newStage(t, s.Server, "rollout-statefulsets.yaml")
	st.StatefulSet(t, "sr-fe", "fe:1", onDelete)
	budgets := "/apis/policy/v1/namespaces/" + st.namespace + "/poddisruptionbudgets"
	s.Post(t, budgets, object{"metadata": object{"name": "fe"}, "spec": object{"minAvailable": 2, "selector": object{"matchLabels": object{"app": "sr-fe"}}}})
	allow := func(n int) {
		s.Merge(t, budgets+"/fe/status", object{"status": object{
			"observedGeneration": 1, "disruptionsAllowed": n, "currentHealthy": 2 + n, "desiredHealthy": 2, "expectedPods": 3,
		}})
	}
	allow(0)
	waits := make(chan string, 100)
	set, err := NewSet(st.client, Options{Name: "sr-fe", Progress: func(text string) { waits <- text }})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- set.Stop(t.Context(), "sr-fe-1") }()
	for text := range waits {
		if strings.HasPrefix(text, "the PodDisruptionBudget to let pod sr-fe-1 go") {
			break
		}
	}
	if len(st.Journal()) > 0 {
		t.Errorf("a pod was stopped in spite of the budget: %q", st.Journal())
	}
	allow(1)
	if err := <-ended; err != nil {
		t.Errorf("Stop: %v", err)
	}
}

// A pod that has replaced the one that was seen, under its name, stays.
func (s suite) anotherPod(t *testing.T) {
	st := newStage(t, s.Server, "rollout-statefulsets.yaml")
	st.StatefulSet(t, "sr-fe", "fe:1", onDelete)
	set, err := NewSet(st.client, Options{Name: "sr-fe"})
	if err != nil {
		t.Fatal(err)
	}
	p := new(pod)
	p.Metadata.Name, p.Metadata.UID = "sr-fe-1", "00000000-0000-0000-0000-000000000000"
	if err := set.evict(t.Context(), p); kube.Code(err) != http.StatusConflict {
		t.Errorf("evict: %v, want a conflict", err)
	}
	if err := set.change(t.Context(), change{onDelete: true, version: "1"}); kube.Code(err) != http.StatusConflict {
		t.Errorf("change: %v, want a conflict", err)
	}
	if len(st.Journal()) > 0 {
		t.Errorf("pods went through %q", st.Journal())
	}

	// Nodes that are registered by their addresses.
	ip := kubetest.Text(s.Get(t, "/api/v1/namespaces/"+st.namespace+"/pods/sr-fe-2"), "status", "podIP")
	found, err := st.driver(t, Options{Name: "sr-fe"}).find(t.Context(), rollout.Node{Name: "a", Host: ip})
	if err != nil || found.pod != "sr-fe-2" {
		t.Errorf("find %s: %q, %v, want sr-fe-2", ip, found.pod, err)
	}
	if _, err := st.driver(t, Options{Name: "sr-fe"}).find(t.Context(), rollout.Node{Name: "a", Host: "10.9.9.9"}); err == nil || !strings.Contains(err.Error(), "is no pod of StatefulSet sr-fe") {
		t.Errorf("find 10.9.9.9: %v", err)
	}
}

func (st *stage) clusters() string {
	return "/apis/starrocks.com/v1/namespaces/" + st.namespace + "/starrocksclusters"
}

// starrocks makes a StarRocksCluster with three FEs and three BEs, as its operator does.
func (st *stage) starrocks(t *testing.T) {
	t.Helper()
	st.StatefulSet(t, "sr-fe", "fe:1", rollingAt(0))
	st.StatefulSet(t, "sr-be", "be:1", rollingAt(0))
	st.server.Post(t, st.clusters(), object{
		"apiVersion": "starrocks.com/v1", "kind": "StarRocksCluster", "metadata": object{"name": "sr"},
		"spec": object{"starRocksFeSpec": object{"image": "fe:1", "replicas": 3}, "starRocksBeSpec": object{"image": "be:1", "replicas": 3}},
	})
}

// With the StarRocks operator the cluster's resource is changed; the order is Segue's: BEs, then FEs, whichever is the leader last.
func (s suite) operator(t *testing.T, mode Mode, order string) {
	t.Helper()
	st := newStage(t, s.Server, "rollout-starrocks.yaml")
	st.starrocks(t)
	be := Options{Name: "sr-be", Image: "be:2", Owner: StarRocksCluster, Mode: mode}
	fe := Options{Name: "sr-fe", Image: "fe:2", Owner: StarRocksCluster, Mode: mode}
	d := st.driver(t, be, fe)
	if err := prepare(t, d, false); err != nil {
		t.Fatal(err)
	}
	replace(t, d, "sr-be", order)
	if image := st.image(t, "sr-fe"); image != "fe:1" {
		t.Errorf("FEs stand to %s while BEs are replaced", image)
	}
	st.wants(t, "sr-be", order, "be:1", "be:2")
	st.Forget()
	replace(t, d, "sr-fe", order)
	st.wants(t, "sr-fe", order, "fe:1", "fe:2")
	st.Forget()
	if err := prepare(t, st.driver(t, fe), true); err != nil {
		t.Fatal(err)
	}
	d = st.driver(t, fe)
	if err := prepare(t, d, true); err != nil {
		t.Fatal(err)
	}
	replace(t, d, "sr-fe", order)
	st.wants(t, "sr-fe", order, "fe:2", "fe:1")
	cluster := st.server.Get(t, st.clusters()+"/sr")
	if image := kubetest.Text(cluster, "spec", "starRocksFeSpec", "image"); image != "fe:1" || kubetest.At(cluster, "spec", "starRocksFeSpec", "replicas") != 3.0 {
		t.Errorf("StarRocksCluster %v", cluster)
	}
}

func (s suite) operatorSleeps(t *testing.T) {
	st := newStage(t, s.Server, "rollout-starrocks.yaml")
	st.starrocks(t)
	st.Pause(true)
	d := st.driver(t, Options{Name: "sr-be", Image: "be:2", Owner: StarRocksCluster, Mode: OnDelete})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := d.Stop(ctx, node("sr-be-1")); err == nil || !strings.Contains(err.Error(), "wait for the StarRocks operator to change StatefulSet sr-be: does it run") {
		t.Errorf("Stop: %v, want what was waited for", err)
	}
	if len(st.Journal()) > 0 {
		t.Errorf("pods went through %q", st.Journal())
	}
	st.Pause(false)
	replace(t, d, "sr-be", "1")
	st.wants(t, "sr-be", "1", "be:1", "be:2")
}

// Each verb of the Roles is needed: without it a rollout stops with an error that names it, and nothing is half done.
func (s suite) verbLess(t *testing.T) {
	for _, role := range []string{"rollout-statefulsets.yaml", "rollout-starrocks.yaml"} {
		for _, v := range kubetest.Verbs(t, role) {
			t.Run(role+" "+v.Verb+" "+v.Resource, func(t *testing.T) {
				st := newStage(t, s.Server, role, v)
				o := Options{Name: "sr-fe", Image: "fe:2", Mode: OnDelete}
				if role == "rollout-starrocks.yaml" {
					st.starrocks(t)
					o.Owner = StarRocksCluster
				} else {
					st.StatefulSet(t, "sr-fe", "fe:1", rollingAt(0))
				}
				st.Forget()
				err := st.driver(t, o).Stop(t.Context(), node("sr-fe-1"))
				want := fmt.Sprintf("cannot %s resource %q", v.Verb, v.Resource)
				if kube.Code(err) != http.StatusForbidden || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "bind it to the Role in deploy/kubernetes") {
					t.Errorf("Stop: %v, want %q", err, want)
				}
				if len(st.Journal()) > 0 {
					t.Errorf("pods went through %q", st.Journal())
				}
			})
		}
	}
}

func (s suite) missing(t *testing.T) {
	st := newStage(t, s.Server, "rollout-starrocks.yaml")
	d := st.driver(t, Options{Name: "sr-fe", Image: "fe:2"})
	if err := prepare(t, d, false); err == nil || !strings.Contains(err.Error(), `404 statefulsets.apps "sr-fe" not found`) {
		t.Errorf("Prepare: %v", err)
	}
	st.StatefulSet(t, "sr-fe", "fe:1", onDelete)
	d = st.driver(t, Options{Name: "sr-fe", Image: "fe:2", Owner: StarRocksCluster})
	if err := prepare(t, d, false); err == nil || !strings.Contains(err.Error(), "StarRocksCluster sr is not there") {
		t.Errorf("Prepare without the cluster: %v", err)
	}
}

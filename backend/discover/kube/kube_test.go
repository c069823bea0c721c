package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/backend/discover"
	"segue/backend/discover/kube/kubetest"
)

// awaitTimeout is for machines that do much else.
const awaitTimeout = 60 * time.Second

// TestKube has the source follow a service on a real API server, as the account and with the Role of deploy/kubernetes/discover.yaml. The test plays the control plane.
func TestKube(t *testing.T) {
	s := suite{kubetest.Start(t)}
	t.Run("endpoints", s.endpoints)
	t.Run("dual stack", s.dualStack)
	t.Run("a verb less", s.verbLess)
	t.Run("token renewed", s.tokenRenewed)
	t.Run("connection cut", s.cut)
	t.Run("bookmarks", s.bookmarks)
	t.Run("server restarted", s.restarted)
}

// suite is the server that the parts of TestKube share.
type suite struct{ *kubetest.Server }

// watched is a service that is followed.
type watched struct {
	server    *kubetest.Server
	namespace string
	reports   chan string
	troubles  chan string
}

// watch follows the service sr-fe-search of the namespace, by the account that the token is of.
func watch(t *testing.T, s *kubetest.Server, url, namespace, token string) *watched {
	t.Helper()
	w := &watched{server: s, namespace: namespace, reports: make(chan string, 1000), troubles: make(chan string, 1000)}
	source := Source{Config: Config{Server: url, TokenFile: token, CAFile: s.CA, Namespace: namespace}, Service: "sr-fe-search", Port: "query", HTTPPort: "http"}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- source.Run(ctx, w.take) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return w
}

// take puts an answer into words.
func (w *watched) take(a discover.Answer) {
	if a.Err != nil {
		w.troubles <- a.Err.Error()
		return
	}
	var all []string
	for _, f := range a.Found {
		text := f.Called + " " + f.Address + " " + f.HTTP + " " + f.Zone
		if f.Leaving != "" {
			text += " (" + f.Leaving + ")"
		}
		all = append(all, text)
	}
	if !a.Live {
		all = append(all, "not live")
	}
	w.reports <- strings.Join(all, "; ")
}

// await waits until what is wanted is reported.
func await(t *testing.T, from chan string, want string) {
	t.Helper()
	var seen []string
	timer := time.After(awaitTimeout)
	for {
		select {
		case got := <-from:
			if got == want || want != "" && strings.Contains(got, want) {
				return
			}
			seen = append(seen, got)
		case <-timer:
			t.Fatalf("wait for %q: saw %q", want, seen)
		}
	}
}

func (w *watched) slices() string {
	return "/apis/discovery.k8s.io/v1/namespaces/" + w.namespace + "/endpointslices"
}

// slice makes an EndpointSlice as the control plane does.
func (w *watched) slice(t *testing.T, name, family string, endpoints ...string) {
	t.Helper()
	w.server.Post(t, w.slices(), w.object(t, name, family, endpoints...))
}

func (w *watched) object(t *testing.T, name, family string, endpoints ...string) kubetest.Object {
	t.Helper()
	var o kubetest.Object
	text := fmt.Sprintf(`{"metadata":{"name":%q,"labels":{"kubernetes.io/service-name":"sr-fe-search"}},"addressType":%q,"ports":[%s],"endpoints":[%s]}`,
		name, family, queryPort, strings.Join(endpoints, ","))
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

const (
	zero = "fe-0 10.0.0.1:9030 10.0.0.1:8030 zone-1"
	one  = "fe-1 10.0.0.2:9030 10.0.0.2:8030 zone-1"
)

func (s suite) endpoints(t *testing.T) {
	ns := s.Namespace(t)
	w := watch(t, s.Server, s.URL, ns, s.Grant(t, ns, "discover.yaml"))
	await(t, w.troubles, "service sr-fe-search: no EndpointSlice is there")
	w.slice(t, "a", "IPv4", pod("fe-0", "u0", "10.0.0.1", "ready", "serving", "!terminating"))
	await(t, w.reports, zero)
	w.slice(t, "b", "IPv4", pod("fe-1", "u1", "10.0.0.2", "ready", "serving", "!terminating"))
	await(t, w.reports, zero+"; "+one)
	other := w.object(t, "c", "IPv4", pod("other-0", "u7", "10.0.0.9", "ready"))
	other["metadata"].(kubetest.Object)["labels"] = kubetest.Object{serviceLabel: "other"}
	s.Post(t, w.slices(), other) // never seen here
	s.Merge(t, w.slices()+"/a", w.object(t, "a", "IPv4", pod("fe-0", "u0", "10.0.0.1", "ready", "serving", "terminating")))
	await(t, w.reports, zero+" (pod fe-0 is terminating); "+one)
	s.Merge(t, w.slices()+"/a", w.object(t, "a", "IPv4", pod("fe-0", "u2", "10.0.0.3", "!ready", "!serving", "!terminating")))
	await(t, w.reports, "fe-0 10.0.0.3:9030 10.0.0.3:8030 zone-1; "+one)
	s.Delete(t, w.slices()+"/b")
	await(t, w.reports, "fe-0 10.0.0.3:9030 10.0.0.3:8030 zone-1")
	s.Delete(t, w.slices()+"/a")
	await(t, w.troubles, "no EndpointSlice is there")
	select {
	case trouble := <-w.troubles:
		t.Errorf("trouble: %s", trouble)
	default:
	}
}

func (s suite) dualStack(t *testing.T) {
	ns := s.Namespace(t)
	w := watch(t, s.Server, s.URL, ns, s.Grant(t, ns, "discover.yaml"))
	w.slice(t, "six", "IPv6", pod("fe-0", "u0", "fd00::1", "ready"))
	w.slice(t, "four", "IPv4", pod("fe-0", "u0", "10.0.0.1", "ready"))
	await(t, w.reports, zero)
}

// Each verb of the Role is needed, and one that is missing is told with its name and the remedy.
func (s suite) verbLess(t *testing.T) {
	for _, v := range kubetest.Verbs(t, "discover.yaml") {
		ns := s.Namespace(t)
		w := watch(t, s.Server, s.URL, ns, s.Grant(t, ns, "discover.yaml", v))
		await(t, w.troubles, fmt.Sprintf(`403 endpointslices.discovery.k8s.io is forbidden: User "system:serviceaccount:%s:segue" cannot %s resource "endpointslices" in API group "discovery.k8s.io" in the namespace %q; `+
			"the account lacks this verb: bind it to the Role in deploy/kubernetes", ns, v.Verb, ns))
	}
}

// A token that is renewed while a watch runs is what the next one begins with, the old one being worth nothing by then.
func (s suite) tokenRenewed(t *testing.T) {
	ns := s.Namespace(t)
	token := s.Grant(t, ns, "discover.yaml")
	secrets := "/api/v1/namespaces/" + ns + "/secrets"
	s.Post(t, secrets, kubetest.Object{"metadata": kubetest.Object{"name": "first"}})
	kubetest.WriteFile(t, token, s.Token(t, ns, "segue", kubetest.Object{"apiVersion": "v1", "kind": "Secret", "name": "first"}))
	old := filepath.Join(t.TempDir(), "token")
	line := s.Line(t)
	w := watch(t, s.Server, line.URL, ns, token)
	w.slice(t, "a", "IPv4", pod("fe-0", "u0", "10.0.0.1", "ready"))
	await(t, w.reports, zero)

	c, err := New(Config{Server: s.URL, TokenFile: token, CAFile: s.CA, Namespace: ns})
	if err != nil {
		t.Fatal(err)
	}
	bearer, err := c.token()
	if err != nil {
		t.Fatal(err)
	}
	kubetest.WriteFile(t, old, bearer)
	c.tokenFile = old
	kubetest.WriteFile(t, token, s.Token(t, ns, "segue", nil))
	s.Delete(t, secrets+"/first")
	awaitRefused(t, c, w.slices()) // the server remembers for ten seconds that the token was good
	line.Cut()
	w.slice(t, "b", "IPv4", pod("fe-1", "u1", "10.0.0.2", "ready"))
	await(t, w.reports, zero+"; "+one)
}

func awaitRefused(t *testing.T, c *Client, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), awaitTimeout)
	defer cancel()
	for {
		err := c.Get(ctx, path, nil)
		if Code(err) == http.StatusUnauthorized {
			return
		}
		if wait(ctx, 100*time.Millisecond) != nil {
			t.Fatalf("wait until the old token is refused: %v", err)
		}
	}
}

// What happens while the connection is gone is told when there is another one.
func (s suite) cut(t *testing.T) {
	ns := s.Namespace(t)
	line := s.Line(t)
	w := watch(t, s.Server, line.URL, ns, s.Grant(t, ns, "discover.yaml"))
	w.slice(t, "a", "IPv4", pod("fe-0", "u0", "10.0.0.1", "ready"))
	await(t, w.reports, zero)
	for i := range 3 {
		before := line.Connections()
		line.Cut()
		name := fmt.Sprintf("b%d", i)
		w.slice(t, name, "IPv4", pod("fe-1", "u1", "10.0.0.2", "ready"))
		await(t, w.reports, zero+"; "+one)
		s.Delete(t, w.slices()+"/"+name)
		await(t, w.reports, zero)
		if line.Connections() == before {
			t.Error("no new connection: nothing was cut")
		}
	}
}

// Bookmarks carry a watch on through what happens elsewhere, so that it goes on where it was.
func (s suite) bookmarks(t *testing.T) {
	ns, elsewhere := s.Namespace(t), s.Namespace(t)
	c, err := New(Config{Server: s.URL, TokenFile: s.Grant(t, ns, "discover.yaml"), CAFile: s.CA, Namespace: ns})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	source := Source{Service: "sr-fe-search"}
	what, err := Slices(ns, source.Service)
	if err != nil {
		t.Fatal(err)
	}
	mine, other := watched{server: s.Server, namespace: ns}, watched{server: s.Server, namespace: elsewhere}
	var reported string // the version with what is of this service
	f := follow{client: c, what: what, least: 4 * time.Second, most: 5 * time.Second}
	f.report = func([]json.RawMessage) {
		reported = f.state.Version()
		other.slice(t, "b", "IPv4", pod("fe-0", "u0", "10.0.0.1", "ready"))
	}
	if err := f.list(t.Context()); err != nil {
		t.Fatal(err)
	}
	mine.slice(t, "a", "IPv4", pod("fe-0", "u0", "10.0.0.1", "ready"))
	if err := f.watch(t.Context()); err != nil {
		t.Fatalf("watch: %v, want an end that was agreed", err)
	}
	if reported == "" || f.state.Version() == reported {
		t.Errorf("version %q at the end of the watch, %q with the last event: no bookmark", f.state.Version(), reported)
	}
}

// A server that was started again does not remember what happened before: 410, and everything is listed again.
func (s suite) restarted(t *testing.T) {
	ns := s.Namespace(t)
	w := watch(t, s.Server, s.URL, ns, s.Grant(t, ns, "discover.yaml"))
	w.slice(t, "a", "IPv4", pod("fe-0", "u0", "10.0.0.1", "ready"))
	await(t, w.reports, zero)
	s.Post(t, "/api/v1/namespaces/"+ns+"/configmaps", kubetest.Object{"metadata": kubetest.Object{"name": "later"}})
	s.Restart(t)
	w.slice(t, "b", "IPv4", pod("fe-1", "u1", "10.0.0.2", "ready"))
	await(t, w.reports, zero+"; "+one)
	await(t, w.troubles, "resource version is too old")
}

package facts

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"segue/backend/discover/kube"
	"segue/cmd/internal/admin"
	"segue/cmd/internal/rollout"
)

// answering is a Segue's admin API that has one status.
func answering(t *testing.T, status string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Segue", "x") // that it is a Segue
		switch r.URL.Path {
		case "/api/v1/status":
			fmt.Fprint(w, status)
		case "/api/v1/failures":
			fmt.Fprint(w, "{}")
		default:
			fmt.Fprint(w, "[]")
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func at(s *httptest.Server) string { return s.Listener.Addr().String() }

func newFleet(places ...string) *Fleet {
	return &Fleet{Places: places, Timeout: 5 * time.Second, Client: func(at string) (*admin.Client, error) { return admin.NewClient(at), nil }}
}

// asked are the addresses of those that answer, and what is wrong with others.
func asked(list []rollout.Segue) (names []string, wrong string) {
	for _, g := range list {
		if names = append(names, g.Address); g.Error != "" {
			wrong += g.Error
		}
	}
	return names, wrong
}

// A Segue that is not listed any more is asked until it has ended: its sessions count, and its drain.
func TestUnlisted(t *testing.T) {
	one, two := answering(t, `{"started": "2026-11-30T10:00:00.1Z"}`), answering(t, `{"started": "2026-11-30T10:00:00.2Z"}`)
	path := filepath.Join(t.TempDir(), "fleet")
	list := func(lines ...string) {
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := newFleet("file:" + path)
	list(at(one), at(two))
	if names, wrong := asked(f.ask(t.Context(), 0)); len(names) != 2 || wrong != "" {
		t.Fatalf("%v %s", names, wrong)
	}
	list(at(one))
	if names, wrong := asked(f.ask(t.Context(), 0)); len(names) != 2 || wrong != "" {
		t.Errorf("it terminates: %v %s", names, wrong)
	}
	address := at(two)
	two.Close()
	broken, err := net.Listen("tcp", address) // there, and it answers nothing
	if err != nil {
		t.Fatal(err)
	}
	if names, wrong := asked(f.ask(t.Context(), 100*time.Millisecond)); len(names) != 2 || !strings.Contains(wrong, "it is listed no more, and may still have sessions") {
		t.Errorf("it hangs: %v %s", names, wrong)
	}
	_ = broken.Close()
	if names, wrong := asked(f.ask(t.Context(), 0)); !slices.Equal(names, []string{at(one)}) || wrong != "" {
		t.Errorf("it has ended: %v %s", names, wrong)
	}
	list(at(one), address)
	if names, wrong := asked(f.ask(t.Context(), 0)); len(names) != 2 || wrong == "" {
		t.Errorf("one that is listed and does not answer: %v %s", names, wrong)
	}
}

// One process at two addresses is one Segue.
func TestTwoAddresses(t *testing.T) {
	status := `{"started": "2026-11-30T10:00:00.123456789Z"}`
	one, two, other := answering(t, status), answering(t, status), answering(t, `{"started": "2026-11-30T10:00:00.5Z"}`)
	if names, wrong := asked(newFleet(at(one), at(two), at(other)).ask(t.Context(), 0)); len(names) != 2 || wrong != "" {
		t.Errorf("%v %s", names, wrong)
	}
}

// A process that was taken over from has sessions: where it does not answer nobody knows which. What it counts is its own.
func TestTakenOverFrom(t *testing.T) {
	mute := answering(t, `{"started": "2026-11-30T10:00:00Z", "others": [{"pid": 7, "sessions": 0, "error": "no answer"}]}`)
	f := newFleet(at(mute))
	if _, wrong := asked(f.ask(t.Context(), 0)); !strings.Contains(wrong, "process 7, which it has taken over from, does not answer: no answer") {
		t.Error(wrong)
	}
	f.MayMiss = func(address string) bool { return address == at(mute) }
	if _, wrong := asked(f.ask(t.Context(), 0)); wrong != "" {
		t.Error(wrong)
	}
	both := answering(t, `{"started": "2026-11-30T10:00:00Z", "failures": [{"kind": "statement", "count": 7}, {"kind": "move", "action": "moved", "count": 3}],
		"others": [{"pid": 7, "started": "2026-11-30T09:00:00Z", "sessions": 1, "failures": [{"kind": "statement", "count": 5}]}]}`)
	g := newFleet(at(both)).ask(t.Context(), 0)[0]
	if g.Error != "" || g.Seen["statement"] != 2 || g.Hidden["move"] != 3 || len(g.Others) != 1 || g.Others[0].Seen["statement"] != 5 {
		t.Errorf("%+v", g)
	}
}

// The pods behind a service are asked, the one that terminates too.
func TestPodsOfAService(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/apis/discovery.k8s.io/v1/namespaces/db/endpointslices" || r.URL.Query().Get("labelSelector") != "kubernetes.io/service-name=segue" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `{"metadata": {"resourceVersion": "1"}, "items": [{"metadata": {"name": "s", "namespace": "db", "resourceVersion": "1"}, "addressType": "IPv4", "ports": [{"name": "admin", "port": 9131}],
			"endpoints": [{"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "a"}}, {"addresses": ["10.0.0.2"], "conditions": {"ready": false, "serving": true, "terminating": true}, "targetRef": {"kind": "Pod", "name": "b"}}]}]}`)
	}))
	defer api.Close()
	f := newFleet()
	f.Kube = kube.Config{Server: api.URL, Namespace: "other"}
	if list, err := f.at(t.Context(), "kubernetes:db/segue:admin"); err != nil || !slices.Equal(list, []string{"10.0.0.1:9131", "10.0.0.2:9131"}) {
		t.Errorf("%v %v", list, err)
	}
	for place, want := range map[string]string{"kubernetes:db/segue": "want kubernetes:", "kubernetes:segue:admin": "404", "kubernetes:db/a_b:admin": "is no name"} {
		if list, err := f.at(t.Context(), place); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v %v", place, list, err)
		}
	}
}

// One Segue that cannot be told keeps none of the others from it, and one that somebody has put into maint is left so.
func TestAllAreTold(t *testing.T) {
	var mu sync.Mutex
	told := map[string]string{}
	segueOf := func(started, admin string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Segue", "x")
			switch {
			case r.Method != http.MethodGet:
				mu.Lock()
				defer mu.Unlock()
				told[started] = r.URL.Path
				fmt.Fprint(w, "{}")
			case r.URL.Path == "/api/v1/status":
				fmt.Fprintf(w, `{"started": "2026-11-30T10:00:00.%sZ"}`, started)
			case r.URL.Path == "/api/v1/backends":
				fmt.Fprintf(w, `[{"name": "fe-1", "address": "10.0.0.1:9030", "health": "up", "admin": %q}]`, admin)
			default:
				fmt.Fprint(w, "[]")
			}
		}))
		t.Cleanup(s.Close)
		return s
	}
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	f := newFleet("127.0.0.1:1", at(segueOf("1", "drain")), at(segueOf("2", "maint")), at(segueOf("3", "drain")), at(away))
	err := f.Ready(t.Context(), rollout.Node{Name: "fe-1", Address: "10.0.0.1:9030"}, nil)
	if err == nil || strings.Count(err.Error(), "tell Segue") != 2 || len(told) != 2 || told["2"] != "" {
		t.Errorf("%v, told: %v", err, told)
	}
}

// A list that is a pipe, or on a file server that is gone, keeps nobody waiting: it is an address that cannot be asked.
func TestListThatHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if names, wrong := asked(newFleet("file:"+path).ask(t.Context(), 0)); len(names) != 1 || wrong != "is not a regular file" {
		t.Errorf("%v %s", names, wrong)
	}
}

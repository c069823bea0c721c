package facts

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
	"segue/cmd/internal/rollout"
)

// A node that the cluster alone tells of is secured as those are that the operator has named.
func TestToldNodesAreSecured(t *testing.T) {
	required, preferred := securetest.Policy(t, secure.Required, secure.Material{}), securetest.Policy(t, secure.Preferred, secure.Material{})
	s := &Source{Flavor: backend.StarRocks, Seeds: []backend.Spec{
		{Address: "10.0.0.1:9030", HealthURL: "https://10.0.0.1:8443/api/bootstrap"}, {Address: "10.0.0.2:9030", TLS: preferred}, {Address: "10.0.0.3:9030", TLS: required},
	}}
	for address, want := range map[string]*secure.Policy{"10.0.0.1:9030": nil, "10.0.0.2:9030": preferred, "10.0.0.3:9030": required, "10.0.0.4:9030": required} {
		to := s.target(s.spec(address))
		if (to.TLS != nil) != (want != nil) || to.Address != address || to.Optional != (want == preferred) {
			t.Errorf("%s: %+v", address, to)
		}
	}
	if got := s.healthURL(&rollout.Node{Host: "10.0.0.4", Address: "10.0.0.4:9030", HTTP: "10.0.0.4:8030"}); !strings.HasPrefix(got, "https://10.0.0.4:8443/") {
		t.Error(got)
	}
}

// The account's password is not sent in the clear where connections are to be secured, nor more often than is of use.
func TestPasswordsOfImages(t *testing.T) {
	var said []string
	asked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		said = append(said, r.URL.Path+" "+user+" "+password)
		_, _ = w.Write([]byte("last checkpoint time: Mon Nov 30 12:00:00 UTC 2026<"))
	})
	plain, secured := httptest.NewServer(asked), httptest.NewTLSServer(asked)
	defer plain.Close()
	defer secured.Close()
	former := client.Transport
	client.Transport = secured.Client().Transport
	defer func() { client.Transport = former }()
	required := securetest.Policy(t, secure.Required, secure.Material{})
	for _, test := range []struct {
		seed backend.Spec
		want string
	}{
		{backend.Spec{HealthURL: plain.URL}, "/ha root geheim"},
		{backend.Spec{HealthURL: plain.URL, TLS: required}, "/ha  "},
		{backend.Spec{HealthURL: secured.URL, TLS: required}, "/ha root geheim"},
		{backend.Spec{HealthURL: strings.Replace(secured.URL, "//", "//web:other@", 1)}, "/ha web other"},
	} {
		said, test.seed.Address = nil, "10.0.0.1:9030"
		s := &Source{Flavor: backend.StarRocks, User: "root", Password: "geheim", Timeout: 5 * time.Second, Seeds: []backend.Spec{test.seed}}
		for range 3 {
			f := &rollout.Facts{Nodes: []rollout.Node{{Kind: rollout.Frontend, Role: rollout.Leader, Address: "10.0.0.1:9030"}}}
			if s.askImage(t.Context(), f); f.Image.IsZero() {
				t.Errorf("%s: nothing is known", test.seed.HealthURL)
			}
		}
		if got := strings.Join(said, ", "); got != test.want {
			t.Errorf("%s: asked %q, want %q", test.seed.HealthURL, got, test.want)
		}
	}
}

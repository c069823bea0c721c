package proxy

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/wire"
)

// What a credential is good for, and shows of itself, is tested where it is made: see backend/client.

func hashUser(password string) *User {
	secret := wire.NativeSecret([]byte(password))
	return &User{Name: "u", Hash: wire.NativeSecret(secret[:]), HasHash: true}
}

func passwordUser(password string) *User {
	return &User{Name: "u", Password: password, HasPassword: true}
}

// bugs.md 22: no verb, log or encoding shows a secret.
func TestBug22_UsersAreNotShown(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	user := User{Name: "app", Password: "topsecret", HasPassword: true, Service: true}
	hashed := *hashUser("topsecret")
	o := Options{Users: []User{user, hashed}}
	for _, v := range []any{user, &user, hashed, o, &o, o.Account("app"), o.Impersonate("someone")} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&log, verb+"\n", v)
		}
		logger.Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	}
	for _, secret := range []string{
		"topsecret", fmt.Sprintf("%x", "topsecret"), fmt.Sprintf("%X", "topsecret"), fmt.Sprintf("%x", hashed.Hash), fmt.Sprintf("%v", hashed.Hash[:3])[1:9],
	} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	if !strings.Contains(log.String(), "app (password) service") {
		t.Error("and nothing else is shown either")
	}
}

// learned is what a session has learned at its client's login.
func (s *session) learned() (what string) {
	s.within(func() { what = s.who.cred.String() })
	return what
}

func TestImpersonationIsTheLastResort(t *testing.T) {
	service := User{Name: "svc", Password: "s", HasPassword: true, Service: true}
	for _, c := range []struct {
		flavor backend.Flavor
		users  []User
		want   string
	}{
		{backend.StarRocks, []User{service}, "service"},
		{backend.Doris, []User{service}, "service"},
		{backend.TiDB, []User{service}, "none"},
		{backend.MySQL, []User{service}, "none"},
		{backend.StarRocks, []User{{Name: "v", Password: "pw", HasPassword: true}}, "none"},
		{backend.StarRocks, []User{*passwordUser("pw"), service}, "native"},
		{backend.StarRocks, []User{*hashUser("pw"), service}, "native"},
	} {
		p := start(t, Options{Flavor: c.flavor, Users: c.users}, newPeer(t, echo).spec("a"))
		d := p.connect()
		if got := p.only().learned(); got != c.want {
			t.Errorf("%s, %v: %s, want %s", c.flavor, c.users, got, c.want)
		}
		_ = d.Close()
		p.waitSessions(0)
		if err := p.dial().login(""); err != nil {
			t.Fatal(err)
		}
		if got := p.only().learned(); got != "empty" {
			t.Errorf("%s, %v: %s though an empty password does", c.flavor, c.users, got)
		}
	}
}

package accounts

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
)

var (
	errDenied  = &wire.Err{Code: 1045, State: "28000", Message: "Access denied"}
	errBlocked = &wire.Err{Code: 4150, State: "HY000", Message: "User is blocked because of too many credential errors"}
	errCrowded = &wire.Err{Code: 1203, State: "42000", Message: "User u already has more than 'max_user_connections' active connections"}
	errCut     = errors.New("connection closed")
)

// none is the wake of a login that does not wait.
func none() {}

// The policy as a table: what happens to logins of one account on one backend, and which ones may begin.
func TestAccounts(t *testing.T) {
	const (
		began  = "begins"
		waits  = "waits"
		barred = "barred"
	)
	old, changed := client.Password("old"), client.Password("new")
	type step struct {
		at   time.Duration      // since the first
		cred *client.Credential // nil: the client answers
		want string
		end  error // how it ends at once, if it begins; nil: it is let in
	}
	pending := errors.New("it is still under way")
	for name, steps := range map[string][]step{
		"refused: longer each time": {
			{0, old, began, errDenied},
			{0, old, barred, nil},
			{999 * time.Millisecond, old, barred, nil},
			{time.Second, old, began, &client.Error{Kind: client.Denied, Err: errDenied}},
			{2999 * time.Millisecond, old, barred, nil},
			{3 * time.Second, old, began, errBlocked},
			{6999 * time.Millisecond, old, barred, nil},
			{7 * time.Second, old, began, nil},
			{7 * time.Second, old, began, errDenied},
			{8 * time.Second, old, began, errDenied},
		},
		"another credential is free": {
			{0, old, began, errDenied},
			{0, changed, began, nil},
			{0, old, barred, nil},
			{0, changed, began, nil},
		},
		"a password is the same without what its plugin does not need": {
			{0, old, began, errDenied},
			{0, old.Reduced(wire.PluginNativePassword), barred, nil},
		},
		"what the backend wants cannot be proved": {
			{0, old, began, &client.Error{Kind: client.Denied, Err: &client.UnprovableError{Plugin: wire.PluginCachingSHA2Password, Credential: "native"}}},
			{0, old, barred, nil},
		},
		"a client answers for itself": {
			{0, old, began, errDenied},
			{0, nil, began, errDenied},
			{0, nil, began, nil},
			{0, old, barred, nil}, // it was not let in by that
		},
		"the database is not there": {
			{0, old, began, &wire.Err{Code: 1049, State: "42000", Message: "Unknown database"}},
			{0, old, began, nil},
		},
		"one goes ahead": {
			{0, old, began, pending},
			{0, old, waits, nil},
			{time.Minute, old, waits, nil},
			{0, changed, began, nil},
			{0, nil, began, nil},
		},
		"many follow": {
			{0, old, began, nil},
			{0, old, began, pending},
			{500 * time.Millisecond, old, began, pending},
			{1500 * time.Millisecond, old, began, pending},
			{1500 * time.Millisecond, old, waits, nil},
		},
		"too many connections: one a second, by whatever it answers": {
			{0, nil, began, &client.Error{Kind: client.ServerError, Err: errCrowded}},
			{0, nil, barred, nil},
			{0, old, barred, nil},
			{time.Second, old, began, errCrowded},
			{time.Second, nil, barred, nil},
			{2 * time.Second, nil, began, pending},
			{2 * time.Second, nil, barred, nil},
			{3 * time.Second, nil, began, nil},
			{3 * time.Second, nil, began, nil},
			{3 * time.Second, old, began, nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var a Accounts
			b := new(backend.Backend)
			start := time.Unix(1000, 0)
			for i, s := range steps {
				now := start.Add(s.at)
				l, wait, err := a.Enter(b, "u", s.cred, now, none)
				got := began
				switch {
				case err != nil:
					got = barred
				case wait != nil:
					got = waits
				}
				if got != s.want {
					t.Fatalf("login %d: %s, want %s", i+1, got, s.want)
				}
				var creds []*client.Credential
				if s.cred != nil {
					creds = append(creds, s.cred)
				}
				if l != nil && !errors.Is(s.end, pending) {
					l.End(now, s.cred, s.end)
				}
				if l == nil && (a.Barred(b, "u", creds, now) != nil) != (got == barred) {
					t.Errorf("login %d: it is said otherwise that it %s", i+1, got)
				}
				if l, _, err := a.Enter(b, "another", nil, now, none); err != nil {
					t.Errorf("login %d: another account: %v", i+1, err)
				} else {
					l.Drop()
				}
			}
		})
	}
}

// Of several credentials one that may be tried is enough; otherwise the one whose rest is over first counts.
func TestBarred(t *testing.T) {
	var a Accounts
	b, now := new(backend.Backend), time.Unix(1000, 0)
	one, two := client.Password("1"), client.Password("2")
	for range 2 { // refused for one second, then for two
		l, _, _ := a.Enter(b, "u", one, now, none)
		l.End(now, one, errDenied)
		now = now.Add(time.Second)
	}
	if err := a.Barred(b, "u", []*client.Credential{one, two}, now); err != nil {
		t.Errorf("with one that is not barred: %v", err)
	}
	l, _, _ := a.Enter(b, "u", two, now, none)
	l.End(now, two, errBlocked)
	err := a.Barred(b, "u", []*client.Credential{one, two}, now)
	if err == nil || !err.Until.Equal(now.Add(time.Second)) {
		t.Errorf("%v", err)
	}
	if errors.As(error(err), new(*wire.Err)) {
		t.Error("what the server has said before is taken for what it says now")
	}
}

// A login that others wait for and of which nothing comes lets them go on, and tells them so without a lock; who has given up is not told.
func TestWaits(t *testing.T) {
	now, cred := time.Unix(1000, 0), client.Password("pw")
	for name, over := range map[string]func(*Leave){
		"dropped": (*Leave).Drop, "relayed": (*Leave).Relayed, "cut": func(l *Leave) { l.End(now, cred, errCut) },
		"let in": func(l *Leave) { l.End(now, cred, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			var a Accounts
			b := new(backend.Backend)
			l, _, _ := a.Enter(b, "u", cred, now, none)
			var told []string
			var next *Leave
			wait := func(who string) *Wait {
				_, w, _ := a.Enter(b, "u", cred, now, func() {
					told = append(told, who)
					if next == nil {
						next, _, _ = a.Enter(b, "u", cred, now, none)
					}
				})
				return w
			}
			first, second, third := wait("1"), wait("2"), wait("3")
			if first == nil || second == nil || third == nil {
				t.Fatal("it does not wait")
			}
			second.GiveUp()
			over(l)
			if got := fmt.Sprint(told); got != "[1 3]" || next == nil {
				t.Errorf("told are %s, %v", got, next)
			}
			third.GiveUp()
			over(l)
			l.Drop()
			if got := fmt.Sprint(told); got != "[1 3]" {
				t.Errorf("told are %s", got)
			}
			next.Drop()
		})
	}
}

// Who has nowhere else to go is not kept from a backend, and what comes of it is known all the same.
func TestFree(t *testing.T) {
	var a Accounts
	b, now := new(backend.Backend), time.Unix(1000, 0)
	for range 2 {
		a.Free(b, "u").End(now, nil, errCrowded)
		if a.Barred(b, "u", nil, now) == nil || a.Words(b, "u", nil) != errCrowded {
			t.Error("the next one does not know")
		}
	}
	a.Free(b, "u").End(now, nil, nil)
	if a.Barred(b, "u", nil, now) != nil || a.Words(b, "u", nil) != nil {
		t.Error("it is let in, and barred")
	}
}

// A client is told in the server's words, not in those of a credential that does not do.
func TestWords(t *testing.T) {
	var a Accounts
	b, now := new(backend.Backend), time.Unix(1000, 0)
	one, two, unheard := client.Password("1"), client.Password("2"), client.Password("3")
	for cred, err := range map[*client.Credential]error{one: &client.Error{Kind: client.Denied, Err: errDenied}, two: &client.UnprovableError{Plugin: "x"}} {
		l, _, _ := a.Enter(b, "u", cred, now, none)
		l.End(now, cred, err)
	}
	if got := a.Words(b, "u", one); got != errDenied {
		t.Errorf("%v", got)
	}
	for _, cred := range []*client.Credential{two, unheard, nil} {
		if got := a.Words(b, "u", cred); got != nil {
			t.Errorf("%v", got)
		}
	}
}

// Nothing is remembered for ever.
func TestForget(t *testing.T) {
	registry := backend.NewRegistry(backend.Options{})
	registry.Apply([]backend.Spec{{Name: "a", Address: "a:1"}})
	b := registry.Backends()[0]
	var a Accounts
	now := time.Unix(1000, 0)
	for user, end := range map[string]error{"good": nil, "refused": errDenied, "full": errCrowded, "gone": errCut} {
		cred := client.Password("pw")
		l, _, _ := a.Enter(b, user, cred, now, none)
		l.End(now, cred, end)
	}
	if got := a.List(); len(got) != 2 || got[0].User != "full" || got[1].User != "refused" || got[1].Until != now.Add(time.Second) || got[1].Cause != errDenied.Error() {
		t.Errorf("%+v", got)
	}
	a.Forget(now.Add(time.Minute))
	if len(a.of) != 3 {
		t.Errorf("%d are remembered after a minute", len(a.of))
	}
	a.Forget(now.Add(rememberFor + time.Minute))
	if len(a.of) != 0 {
		t.Errorf("%d are remembered after an hour", len(a.of))
	}
	l, _, _ := a.Enter(b, "refused", client.Password("pw"), now, none)
	l.End(now, client.Password("pw"), errDenied)
	registry.Apply(nil)
	if a.Forget(now); len(a.of) != 0 {
		t.Error("what a backend has said outlives it")
	}
}

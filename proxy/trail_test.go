package proxy

import (
	"errors"
	"testing"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/login"
)

// Nobody waits for what waiting does not help with, as long as that holds of each backend.
func TestHopeless(t *testing.T) {
	registry := backend.NewRegistry(backend.Options{})
	registry.Apply([]backend.Spec{{Name: "a", Address: "127.0.0.1:1"}, {Name: "b", Address: "127.0.0.1:2"}})
	denied := func(err error) *client.Error { return &client.Error{Kind: client.Denied, Err: err} }
	whole := denied(&client.UnprovableError{Plugin: wire.PluginCachingSHA2Password, Whole: true})
	for name, c := range map[string]struct {
		causes [2]error
		want   bool
	}{
		"a host that is not let in":                    {[2]error{&wire.Err{Code: codeHostNotPrivileged}, &wire.Err{Code: codeHostNotPrivileged}}, true},
		"a password that they are not to have":         {[2]error{whole, whole}, true},
		"… by one plugin and by another":               {[2]error{whole, denied(login.ErrInClear)}, true},
		"… and one that is down":                       {[2]error{whole, client.IOError("dial", errors.New("refused"))}, false},
		"a password that Segue has not":                {[2]error{denied(&client.UnprovableError{}), denied(&client.UnprovableError{})}, false},
		"whatever else a server may say to an account": {[2]error{&wire.Err{Code: 1203}, &wire.Err{Code: 1203}}, false},
	} {
		tr := &trail{}
		tried := registry.Backends()
		for i, b := range tried {
			tr.add(b.Name(), c.causes[i])
		}
		if got := tr.hopeless(tried); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if (&trail{}).hopeless(nil) {
		t.Error("nobody has been tried")
	}
}

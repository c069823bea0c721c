package backend

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestEnumsSurviveJSON(t *testing.T) {
	type all struct {
		F Flavor
		H Health
		A Admin
	}
	for i := range 4 {
		in := all{Flavor(i), Health(i), Admin(i % int(numAdmins))}
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "(") {
			t.Errorf("%s: a value has no name", text)
		}
		var out all
		if err := json.Unmarshal(text, &out); err != nil || out != in {
			t.Errorf("%s became %+v, %v", text, out, err)
		}
	}
	if len(Healths()) != int(numHealths) || len(Admins()) != int(numAdmins) {
		t.Error("Healths or Admins does not list every value")
	}
}

func TestEnumsRejectUnknownNames(t *testing.T) {
	var f Flavor
	err := f.UnmarshalText([]byte("starock"))
	if want := `unknown flavor "starock": want starrocks, doris, tidb or mysql`; err == nil || err.Error() != want {
		t.Errorf("flavor: %v, want %s", err, want)
	}
	if h := Up; h.UnmarshalText([]byte("UP")) == nil || h != Up {
		t.Errorf("health UP was taken, as %v", h)
	}
	if a := Drain; a.UnmarshalText(nil) == nil || a != Drain {
		t.Errorf("an empty admin state was taken, as %v", a)
	}
	if got := Health(9).String(); got != "health(9)" {
		t.Errorf("Health(9) = %s", got)
	}
}

func TestHealthURL(t *testing.T) {
	for _, c := range []struct {
		flavor        Flavor
		address, want string
	}{
		{StarRocks, "fe1:9030", "http://fe1:8030/api/health"},
		{Doris, "10.0.0.1:9031", "http://10.0.0.1:8030/api/health"},
		{TiDB, "[fd00::1]:4000", "http://[fd00::1]:10080/status"},
		{StarRocks, "fe1", "http://fe1:8030/api/health"},
		{MySQL, "db:3306", ""},
	} {
		if got := c.flavor.HealthURL(c.address); got != c.want {
			t.Errorf("%v %s: %s, want %s", c.flavor, c.address, got, c.want)
		}
	}
}

func TestHealthTransitions(t *testing.T) {
	for from := range numHealths {
		for to := range numHealths {
			if from == to {
				continue
			}
			r := newRegistry(t, "a")
			b := r.Backends()[0]
			if from != Unknown {
				r.SetHealth(b, from, "")
			}
			panicked := catch(func() { r.SetHealth(b, to, "") })
			if want := to == Unknown; panicked != want {
				t.Errorf("%v -> %v: panicked %v, want %v", from, to, panicked, want)
			}
		}
	}
}

func catch(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

package backend

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestCollector(t *testing.T) {
	r := newRegistry(t, "fe-1", "gone")
	r.SetHealth(lookup(t, r, "fe-1"), Stopping, "/api/health 500")
	if err := r.SetAdmin("fe-1", Drain); err != nil {
		t.Fatal(err)
	}
	c := NewCollector(r)
	if got := testutil.CollectAndCount(c); got != 2*(int(numHealths)+int(numAdmins)) {
		t.Errorf("%d series for two backends", got)
	}
	r.Apply(specs("fe-1"))
	want := `
# HELP segue_backend_admin What the operator says about the backend: 1 for the admin state that holds, 0 for the others.
# TYPE segue_backend_admin gauge
segue_backend_admin{admin="drain",backend="fe-1"} 1
segue_backend_admin{admin="maint",backend="fe-1"} 0
segue_backend_admin{admin="ready",backend="fe-1"} 0
# HELP segue_backend_health What probing says about the backend: 1 for the health that holds, 0 for the others.
# TYPE segue_backend_health gauge
segue_backend_health{backend="fe-1",health="down"} 0
segue_backend_health{backend="fe-1",health="stopping"} 1
segue_backend_health{backend="fe-1",health="unknown"} 0
segue_backend_health{backend="fe-1",health="up"} 0
`
	if err := testutil.CollectAndCompare(c, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	problems, err := testutil.CollectAndLint(c)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

package load_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"segue/backend/fesim"
	"segue/proxy/load"
)

// rowsFor is how many rows a load of the matrix has: some hundred kilobytes, so that there is a middle.
const rowsFor = 40_000

// Whatever goes wrong at a BE or FE, at whatever step: what a client is told is so, and no row is in the table twice.
func TestFaultsOfLoads(t *testing.T) {
	t.Parallel()
	bodies := map[string]load.Options{"kept": {}, "not kept": {Buffer: -1}}
	for name, o := range bodies {
		for _, step := range []fesim.LoadStep{fesim.AtArrival, fesim.AtBegun, fesim.AtBytes, fesim.AtBody, fesim.AtDone, fesim.AtAnswer} {
			for _, harm := range []fesim.LoadHarm{fesim.HarmCut, fesim.HarmReset, fesim.HarmDie} {
				t.Run(fmt.Sprintf("%s/%s/%s", name, step, harm), func(t *testing.T) {
					t.Parallel()
					o := o
					o.Follow, o.Flavor = true, "starrocks"
					r := start(t, 3, o)
					for _, be := range r.sim.BEs()[:1] {
						be.InjectLoad(fesim.LoadFault{Op: fesim.OpLoad, Step: step, Bytes: 100_000, Do: harm})
					}
					for i, label := range []string{"", "mine", ""} { // one of them meets the fault
						header := csvHeader
						if label != "" {
							header = with(csvHeader, "label", label)
						}
						table := fmt.Sprintf("loads_%d", i)
						a := r.send(t, "PUT", "/api/fesim/"+table+"/_stream_load", header, strings.NewReader(csv(0, rowsFor)))
						r.truthful(t, a, table, rowsFor)
						hidden := name == "kept" || step != fesim.AtBytes && step != fesim.AtBody
						if hidden && a.status() != "Success" {
							t.Errorf("it could have been hidden: %d %s %v\n%s", a.code, a.text, a.err, r.log)
						}
					}
				})
			}
		}
	}
}

// truthful checks what a load was answered against what is in the table.
func (r *rig) truthful(t *testing.T, a answer, table string, n int) {
	t.Helper()
	got := r.sim.Loaded("fesim", table)
	if twice := got.Twice(); len(twice) > 0 {
		t.Errorf("rows are there twice: %v", twice)
	}
	switch outcome, _ := a.json["Outcome"].(string); {
	case a.err != nil || a.code != 200:
		t.Errorf("no answer: %d %s %v", a.code, a.text, a.err)
	case a.status() == "Success" && got.Distinct() != n:
		t.Errorf("Success, but there are %d rows of %d: %s", got.Distinct(), n, a.text)
	case a.status() != "Success" && outcome != "unknown" && got.Rows != 0:
		t.Errorf("%d rows are there in spite of %s", got.Rows, a.text)
	case outcome == "unknown":
		t.Logf("unknown: %s", a.text)
	}
}

// A label that another request has used is no success of this one; the same request again finds that its data is there.
func TestLabelsOfClients(t *testing.T) {
	r := start(t, 2, options)
	path := "/api/fesim/loads_a/_stream_load"
	header := with(csvHeader, "label", "one")
	for i, want := range []string{"Success", "Label Already Exists", "Label Already Exists"} {
		if a := r.send(t, "PUT", path, header, strings.NewReader(csv(0, 10))); a.status() != want {
			t.Errorf("the %d. request: %d %s %v", i+1, a.code, a.text, a.err)
		}
	}
	r.loaded(t, "loads_a", 10)
}

// What a leader's election does to a load is waited for.
func TestElection(t *testing.T) {
	for _, step := range []fesim.LoadStep{fesim.AtBody, fesim.AtDone} {
		t.Run(string(step), func(t *testing.T) {
			r := start(t, 2, options)
			if a := r.send(t, "PUT", "/api/fesim/loads_before/_stream_load", csvHeader, strings.NewReader(csv(0, 1))); a.status() != "Success" {
				t.Fatal(a.text, a.err) // a witness: labels of later loads cannot have been forgotten before its own
			}
			var once sync.Once // two of three that are gone elect nobody
			for _, be := range r.sim.BEs() {
				be.InjectLoad(fesim.LoadFault{Op: fesim.OpLoad, Step: step, Do: fesim.HarmReset, Hit: func() { once.Do(func() { r.sim.Leader().Kill() }) }})
			}
			a := r.send(t, "PUT", "/api/fesim/loads_a/_stream_load", csvHeader, strings.NewReader(csv(0, 1000)))
			r.truthful(t, a, "loads_a", 1000)
			if a.status() != "Success" {
				t.Errorf("%d %s %v", a.code, a.text, a.err)
			}
		})
	}
}

package load_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"segue/backend"
	"segue/backend/fesim"
	"segue/proxy/load"
)

// What no one can know: a load was committed, its answer was lost, and its label was forgotten before it could be asked about. That is what is told, and nothing is sent again.
func TestForgottenLabel(t *testing.T) {
	sim, err := fesim.NewCluster(3, fesim.Options{TimeScale: 0.01, LabelKeepMax: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	for range 2 {
		if _, err := sim.AddBE(fesim.BEOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	r := serve(t, sim, options)
	r.witness(t)
	other := serve(t, sim, options) // whose loads push the label out
	for _, fe := range sim.FEs() {
		fe.InjectLoad(fesim.LoadFault{Op: fesim.OpState, Step: fesim.AtArrival, Do: fesim.HarmReset, Times: -1})
	}
	for _, be := range sim.BEs() {
		be.InjectLoad(fesim.LoadFault{Op: fesim.OpLoad, Step: fesim.AtDone, Do: fesim.HarmReset, Label: "forgotten"})
	}
	told := make(chan answer)
	go func() {
		told <- r.send(t, "PUT", "/api/fesim/forgotten/_stream_load", with(csvHeader, "label", "forgotten"), strings.NewReader(matrixBody(0)))
	}()
	awaited(t, "the commit", func() bool { return sim.LoadLabel("fesim", "forgotten").State == fesim.LoadVisible })
	n := 0
	awaited(t, "the label to be forgotten", func() bool {
		n++
		if a := other.send(t, "PUT", fmt.Sprintf("/api/fesim/other%d/_stream_load", n), csvHeader, strings.NewReader("1,x\n")); letter(a) != byNode {
			t.Errorf("%d %s %v", a.code, a.text, a.err)
		}
		return sim.LoadLabel("fesim", "forgotten").Forgotten && sim.LoadLabel("fesim", "witness").State == fesim.LoadUnknown
	})
	for _, fe := range sim.FEs() {
		fe.ClearLoadFaults()
	}
	a := <-told
	if letter(a) != unknown || !strings.Contains(a.text, "get_load_state?label=forgotten") {
		t.Errorf("told %d %s %v\n%s", a.code, a.text, a.err, r.log.tail())
	}
	if wrong := r.check("forgotten", 1); wrong != "" {
		t.Error(wrong)
	}
}

// special is a way of loading beside the plain one.
type special struct {
	name    string
	header  []string
	label   bool
	chunked bool
	inside  bool // its success is not yet in the table
	part    bool // a part of it may come into the table
}

// Doris' ways of loading under the same faults: what is told is true.
func TestDorisMatrix(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	told := map[string]int{}
	var done sync.WaitGroup
	for _, how := range []special{
		{name: "a label", label: true},
		{name: "no label"},
		{name: "chunked", label: true, chunked: true},
		{name: "two phases", header: []string{"two_phase_commit", "true"}, label: true, inside: true},
		{name: "two phases?", header: []string{"two_phase_commit", "True"}, label: true},
		{name: "group commit", header: []string{"group_commit", "sync_mode"}, part: true},
	} {
		sim, err := fesim.NewCluster(3, fesim.Options{TimeScale: 0.1, Flavor: backend.Doris, GroupCommitRows: 20, DropChunkedLabels: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(sim.Close)
		for range 3 {
			if _, err := sim.AddBE(fesim.BEOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := sim.Start(); err != nil {
			t.Fatal(err)
		}
		r := serve(t, sim, load.Options{Follow: true, Flavor: "doris", Hold: wait, Budget: wait})
		r.witness(t)
		done.Go(func() {
			for what, times := range r.underFaults(t, how) {
				mu.Lock()
				told[fmt.Sprintf("%s: %c", how.name, what)] += times
				mu.Unlock()
			}
		})
	}
	done.Wait()
	t.Log(told)
}

// underFaults loads one way under all faults.
func (r *rig) underFaults(t *testing.T, how special) map[rune]int {
	t.Helper()
	length := int64(len(matrixBody(1000 * matrixRows)))
	n, told := 1000, map[rune]int{}
	for _, point := range []struct {
		step  fesim.LoadStep
		bytes int64
	}{{fesim.AtArrival, 0}, {fesim.AtBegun, 0}, {fesim.AtBytes, length / 2}, {fesim.AtBody, 0}, {fesim.AtDone, 0}, {fesim.AtAnswer, 0}} {
		for _, harm := range []fesim.LoadHarm{fesim.HarmReset, fesim.HarmDie} {
			n++
			name := fmt.Sprintf("%s, BE %s, %s", how.name, harm, point.step)
			table, header := fmt.Sprintf("d%d", n), with(csvHeader, how.header...)
			if how.label {
				header["label"] = fmt.Sprintf("special-%d", n)
			}
			hit := make(chan struct{})
			strike(fesim.LoadFault{Op: fesim.OpLoad, Step: point.step, Bytes: point.bytes, Do: harm})(r, func() { close(hit) })
			text := matrixBody(n * matrixRows)
			length := int64(len(text))
			if how.chunked {
				length = 0
			}
			a := r.do(t, "PUT", "/api/fesim/"+table+"/_stream_load", header, &paused{text: text, at: point.bytes, hit: hit}, length)
			what := letter(a)
			told[what]++
			want := map[rune]int{byNode: 1, byLabel: 1, existing: 1, nothing: 0, failed: 0, unknown: -1}[what]
			if how.inside {
				want = 0
			}
			wrong := r.check(table, want)
			if how.part && what == unknown {
				wrong = strings.Join(r.sim.Loaded("fesim", table).Twice(), " ")
			}
			if what == silent || wrong != "" {
				t.Errorf("%s: told %d %s %v: %s\n%s", name, a.code, a.text, a.err, wrong, r.log.tail())
			}
			r.mend(t, false)
		}
	}
	return told
}

// StarRocks' merge commit, whose loads share a transaction under a label of the cluster's: what is told is true.
func TestMergeCommitMatrix(t *testing.T) {
	t.Parallel()
	r := startScaled(t, 3)
	r.witness(t)
	told := r.underFaults(t, special{
		name: "merge commit", label: true, part: true,
		header: []string{"enable_merge_commit", "true", "merge_commit_async", "false", "merge_commit_interval_ms", "20", "merge_commit_parallel", "1"},
	})
	t.Logf("S success by the node %d, N nothing was loaded %d, F failed %d, U unknown %d", told[byNode], told[nothing], told[failed], told[unknown])
}

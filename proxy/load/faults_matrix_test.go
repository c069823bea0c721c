package load_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend/fesim"
)

// The matrix: what goes wrong × when × how the load is sent. Whatever the client is told has to be true, rows have to be in the table once if it was told that they
// are, and nobody waits for ever.

// rows of a body, and its bytes.
const matrixRows = 200

// way is how a load is sent.
type way struct {
	chunked bool
	label   bool // the client gives one
	kept    bool // Segue keeps the body
}

func (w way) String() string {
	s := "length "
	if w.chunked {
		s = "chunked"
	}
	return s + map[bool]string{true: " label", false: "      "}[w.label] + map[bool]string{true: " kept", false: "     "}[w.kept]
}

var ways = []way{
	{false, true, true},
	{false, false, true},
	{true, true, true},
	{true, false, true},
	{false, true, false},
	{false, false, false},
	{true, true, false},
	{true, false, false},
}

// fault is what goes wrong.
type fault struct {
	name string
	// pause is after how many bytes of the body the client waits for it to strike: so no later byte can have been handed on. Below 0: it does not wait.
	pause  int64
	arm    func(r *rig, hit func())
	leaves bool // nodes are on their way out behind it
	slow   bool // it leaves the client's label in use, which takes its time: not walked with one
}

// strike is a fault at all BEs, once.
func strike(f fesim.LoadFault) func(r *rig, hit func()) {
	return func(r *rig, hit func()) {
		f.Hit = sync.OnceFunc(func() {
			hit()
			for _, be := range r.sim.BEs() { // the others' do not strike any more
				be.ClearLoadFaults()
			}
		})
		for _, be := range r.sim.BEs() {
			be.InjectLoad(f)
		}
	}
}

// strikeFE is a fault at all FEs, once.
func strikeFE(f fesim.LoadFault) func(r *rig, hit func()) {
	return func(r *rig, hit func()) {
		f.Hit = sync.OnceFunc(func() {
			hit()
			for _, fe := range r.sim.FEs() {
				fe.ClearLoadFaults()
			}
		})
		for _, fe := range r.sim.FEs() {
			fe.InjectLoad(f)
		}
	}
}

// when has do be done at a step of a load at a BE, where nothing else happens.
func when(step fesim.LoadStep, bytes int64, do func(r *rig)) func(r *rig, hit func()) {
	return func(r *rig, hit func()) {
		once := sync.OnceFunc(func() {
			hit()
			do(r)
		})
		for _, be := range r.sim.BEs() {
			be.InjectLoad(fesim.LoadFault{Op: fesim.OpLoad, Step: step, Bytes: bytes, Hit: once})
		}
	}
}

// matrixBody is a body and how many bytes it has.
func matrixBody(from int) string { return csv(from, matrixRows) }

// paused gives a body, and waits at a byte of it until it is struck.
type paused struct {
	text  string
	at    int64
	given int64
	hit   <-chan struct{}
}

func (p *paused) Read(b []byte) (int, error) {
	if p.given == int64(len(p.text)) {
		return 0, io.EOF
	}
	until := int64(len(p.text))
	if p.at > 0 && p.given < p.at {
		until = p.at
	} else if p.at > 0 && p.given == p.at {
		select {
		case <-p.hit:
		case <-time.After(wait):
			return 0, fmt.Errorf("nothing has struck at byte %d", p.at)
		}
	}
	n := copy(b, p.text[p.given:until])
	p.given += int64(n)
	return n, nil
}

// faults of the matrix; length is that of a body.
func matrixFaults(length int64) (list []fault) {
	points := []struct {
		name  string
		step  fesim.LoadStep
		bytes int64
		pause int64
	}{
		{"before 100", fesim.AtBegun, 0, 0},
		{"first byte", fesim.AtBytes, 1, 1},
		{"mid body", fesim.AtBytes, length / 2, length / 2},
		{"last byte", fesim.AtBytes, length - 1, length - 1},
		{"whole body", fesim.AtBody, 0, 0},
		{"before the answer", fesim.AtDone, 0, 0},
		{"mid answer", fesim.AtAnswer, 0, 0},
	}
	for _, harm := range []fesim.LoadHarm{fesim.HarmReset, fesim.HarmDie} {
		name := map[fesim.LoadHarm]string{fesim.HarmCut: "BE closes", fesim.HarmReset: "BE resets", fesim.HarmDie: "BE is killed"}[harm]
		list = append(list, fault{name: name + ", at arrival", arm: strike(fesim.LoadFault{Op: fesim.OpLoad, Step: fesim.AtArrival, Do: harm})})
		for _, p := range points {
			list = append(list, fault{name: name + ", " + p.name, pause: p.pause, arm: strike(fesim.LoadFault{Op: fesim.OpLoad, Step: p.step, Bytes: p.bytes, Do: harm})})
		}
	}
	for _, step := range []fesim.LoadStep{fesim.AtArrival, fesim.AtDone, fesim.AtAnswer} {
		for _, harm := range []fesim.LoadHarm{fesim.HarmReset, fesim.HarmDie} {
			list = append(list, fault{name: fmt.Sprintf("FE %s, %s", harm, step), arm: strikeFE(fesim.LoadFault{Op: fesim.OpLoad, Step: step, Do: harm})})
		}
	}
	for _, step := range []fesim.LoadStep{fesim.AtArrival, fesim.AtDone} {
		list = append(list,
			fault{name: "begin at the leader is lost, " + string(step), slow: step == fesim.AtDone, arm: strikeFE(fesim.LoadFault{Op: fesim.OpRPCBegin, Step: step, Do: fesim.HarmCut})},
			fault{name: "commit at the leader is lost, " + string(step), arm: strikeFE(fesim.LoadFault{Op: fesim.OpRPCCommit, Step: step, Do: fesim.HarmCut})},
			fault{name: "leader is killed by the commit, " + string(step), arm: strikeFE(fesim.LoadFault{Op: fesim.OpRPCCommit, Step: step, Do: fesim.HarmDie})},
		)
	}
	for _, p := range points {
		list = append(list, fault{name: "leader is killed, " + p.name, pause: p.pause, arm: when(p.step, p.bytes, func(r *rig) {
			if leader := r.sim.Leader(); leader != nil {
				leader.Kill()
			}
		})})
	}
	for _, p := range points {
		list = append(list, fault{name: "leader is cut off, " + p.name, leaves: true, pause: p.pause, arm: when(p.step, p.bytes, func(r *rig) {
			if leader := r.sim.Leader(); leader != nil {
				leader.CutOff()
			}
		})})
	}
	for _, p := range points[:5] {
		list = append(list, fault{name: "BE leaves, " + p.name, leaves: true, pause: p.pause, arm: when(p.step, p.bytes, func(r *rig) {
			for _, be := range r.sim.BEs() {
				if be.Loads() > 0 {
					be.Stop(true)
				}
			}
		})})
	}
	list = append(list, fault{name: "leader leaves, mid body", leaves: true, pause: length / 2, arm: when(fesim.AtBytes, length/2, func(r *rig) {
		if leader := r.sim.Leader(); leader != nil {
			leader.GracefulExit()
		}
	})})
	return list
}

// outcomes of a cell, one letter each.
const (
	byNode   = 'S' // Success of a node, as if nothing had been
	byLabel  = 'R' // Success, resolved by the label
	nothing  = 'N' // nothing was loaded, says Segue
	unknown  = 'U' // not known, says Segue
	existing = 'E' // Label Already Exists, and its load is finished
	failed   = 'F' // a node's failure
	silent   = 'X' // no answer
)

func letter(a answer) rune {
	said, _ := a.json["Outcome"].(string)
	switch status := a.status(); {
	case a.err != nil || a.code != http.StatusOK || a.json == nil:
		return silent
	case status == "Success" && said == "loaded":
		return byLabel
	case status == "Success", status == "Publish Timeout":
		return byNode
	case status == "Label Already Exists" && a.json["ExistingJobStatus"] == "FINISHED":
		return existing
	case said == "nothing":
		return nothing
	case said == "unknown":
		return unknown
	default:
		return failed
	}
}

// sendRows sends one load.
func (r *rig) sendRows(t *testing.T, table, label string, w way, body *paused) answer {
	t.Helper()
	header := csvHeader
	if label != "" {
		header = with(header, "label", label)
	}
	var reader io.Reader = body
	if !w.chunked {
		return r.sendLength(t, "/api/fesim/"+table+"/_stream_load", header, reader, int64(len(body.text)))
	}
	return r.send(t, "PUT", "/api/fesim/"+table+"/_stream_load", header, reader)
}

// check says what is wrong with the rows of a table: want is how often each must be there; below 0: once at most.
func (r *rig) check(table string, want int) string {
	got := r.sim.Loaded("fesim", table)
	twice := got.Twice()
	switch {
	case len(twice) > 0:
		return fmt.Sprintf("%d rows are doubled", len(twice))
	case want < 0 && got.Rows != 0 && got.Rows != matrixRows, want >= 0 && got.Rows != int64(want*matrixRows), want > 0 && got.Distinct() != matrixRows:
		return fmt.Sprintf("%d rows of %d", got.Rows, matrixRows)
	}
	return ""
}

// mend has everything run again.
func (r *rig) mend(t *testing.T, all bool) {
	t.Helper()
	for _, be := range r.sim.BEs() {
		be.ClearLoadFaults()
	}
	for _, fe := range r.sim.FEs() {
		fe.ClearLoadFaults()
	}
	for _, be := range r.sim.BEs() {
		if be.ExitCode() < 0 && !all {
			continue
		}
		be.Stop(false)
		if err := be.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, fe := range r.sim.FEs() {
		if fe.ExitCode() < 0 && !all {
			continue
		}
		fe.Kill()
		if err := fe.Start(); err != nil {
			t.Fatal(err)
		}
	}
	awaited(t, "a leader", func() bool { return r.sim.Leader() != nil })
}

// awaited waits for what must come to be.
func awaited(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(wait); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after %v", what, wait)
		}
	}
}

// cell is one load under one fault.
func (r *rig) cell(t *testing.T, n int, f fault, w way) (what rune, took time.Duration) {
	t.Helper()
	o := options
	if !w.kept {
		o.Buffer = -1
	}
	r.SetOptions(o)
	table, label := fmt.Sprintf("m%d", n), ""
	if w.label {
		label = fmt.Sprintf("matrix-%d", n)
	}
	text := matrixBody(n * matrixRows)
	hit := make(chan struct{})
	once := sync.OnceFunc(func() { close(hit) })
	f.arm(r, once)
	began := time.Now()
	a := r.sendRows(t, table, label, w, &paused{text: text, at: f.pause, hit: hit})
	took = time.Since(began)
	what = letter(a)
	select {
	case <-hit:
	default:
		t.Errorf("%s, %s: nothing has struck: %s %v", f.name, w, a.text, a.err)
	}
	wrong := ""
	switch what {
	case byNode, byLabel, existing:
		wrong = r.check(table, 1)
	case nothing, failed:
		wrong = r.check(table, 0)
	case unknown:
		wrong = r.check(table, -1)
	default:
		wrong = fmt.Sprintf("no answer: %d %v %q", a.code, a.err, a.text)
	}
	if wrong != "" {
		t.Errorf("%s, %s: told %s: %s\n%s", f.name, w, strings.TrimSpace(a.text), wrong, r.log.tail())
	}
	r.mend(t, f.leaves)
	if slices.Contains([]rune{nothing, failed, unknown}, what) { // as a client would: the same request again
		if what == unknown && label == "" {
			return what, took
		}
		b := r.sendRows(t, table, label, w, &paused{text: text})
		if again := letter(b); again != byNode && again != byLabel && again != existing {
			t.Errorf("%s, %s: told %s; sent again: %d %v %s\n%s", f.name, w, strings.TrimSpace(a.text), b.code, b.err, b.text, r.log.tail())
		}
		if wrong := r.check(table, 1); wrong != "" {
			t.Errorf("%s, %s: told %s; sent again: %s", f.name, w, strings.TrimSpace(a.text), wrong)
		}
	}
	return what, took
}

// table is what came of the cells, for people to read.
type table struct {
	mu      sync.Mutex
	lines   map[int]string
	told    map[rune]int
	slowest time.Duration
}

func (b *table) add(f int, line string, told []rune, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines[f] = line
	for _, what := range told {
		b.told[what]++
	}
	b.slowest = max(b.slowest, took)
}

func (b *table) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "\n%-41s", "")
	for _, w := range ways {
		fmt.Fprintf(&text, "| %-9.9s ", strings.NewReplacer("length ", "len", "chunked", "chu", "label", "L", "     ", " ", "kept", "K").Replace(w.String()))
	}
	for _, f := range slices.Sorted(maps.Keys(b.lines)) {
		text.WriteString("\n" + b.lines[f])
	}
	n := 0
	for _, times := range b.told {
		n += times
	}
	fmt.Fprintf(&text, "\n%d loads, the slowest took %v. Told: S success by the node %d, R success by the label %d, E exists %d, N nothing was loaded %d, F failed %d, U unknown %d, X no answer %d",
		n, b.slowest.Round(time.Millisecond), b.told[byNode], b.told[byLabel], b.told[existing], b.told[nothing], b.told[failed], b.told[unknown], b.told[silent])
	return text.String()
}

// What is told is true, whatever goes wrong with BEs, FEs and the leader, at every point of a load.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	const shards = 8 // clusters beside one another: nearly all of the time is waited
	all := &table{lines: map[int]string{}, told: map[rune]int{}}
	var done sync.WaitGroup
	for shard := range shards {
		r := startScaled(t, 3)
		r.witness(t)
		done.Go(func() {
			for n, f := range matrixFaults(int64(len(matrixBody(1000 * matrixRows)))) {
				if n%shards == shard {
					r.row(t, n, f, all)
				}
			}
		})
	}
	done.Wait()
	t.Log(all)
}

// witness has Segue know of a load that has been told to be visible.
func (r *rig) witness(t *testing.T) {
	t.Helper()
	if a := r.send(t, "PUT", "/api/fesim/witness/_stream_load", csvHeader, strings.NewReader(csv(0, 1))); letter(a) != byNode {
		t.Fatalf("%d %s %v", a.code, a.text, a.err)
	}
}

// row is all ways of loading under one fault.
func (r *rig) row(t *testing.T, n int, f fault, all *table) {
	t.Helper()
	var line strings.Builder
	fmt.Fprintf(&line, "%-40s ", f.name)
	var told []rune
	var slowest time.Duration
	for i, w := range ways {
		if f.slow && w.label {
			line.WriteString("|     -     ")
			continue
		}
		what, took := r.cell(t, 1000+n*len(ways)+i, f, w)
		told, slowest = append(told, what), max(slowest, took)
		fmt.Fprintf(&line, "| %c %5dms ", what, took.Milliseconds())
		if w.kept && what != byNode && what != byLabel {
			t.Errorf("%s, %s: the client was told of it (%c)", f.name, w, what)
		}
	}
	all.add(n, line.String(), told, slowest)
}

// startScaled is start with elections and heartbeats that take a tenth of their time.
func startScaled(t *testing.T, n int) *rig {
	t.Helper()
	sim, err := fesim.NewCluster(3, fesim.Options{TimeScale: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	for range n {
		if _, err := sim.AddBE(fesim.BEOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	return serve(t, sim, options)
}

// sendLength is send with a Content-Length.
func (r *rig) sendLength(t *testing.T, path string, header map[string]string, body io.Reader, length int64) answer {
	t.Helper()
	return r.do(t, http.MethodPut, path, header, body, length)
}

// tail is the log's end.
func (l *lines) tail() string {
	all := strings.Split(l.String(), "\n")
	return strings.Join(all[max(0, len(all)-12):], "\n")
}

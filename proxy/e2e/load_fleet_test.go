package e2e

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
)

// loadTable is where all loads of a test go.
const loadDatabase, loadTable = "fesim", "loads"

// loadFleet is simulated FEs and BEs, with a cutter before the HTTP port of each BE, or of each FE.
type loadFleet struct {
	*feFleet
	bes     []*cutter // nil: Segue goes to BEs itself
	fes     []*cutter // likewise
	program *segueProgram
	url     string // where Segue takes loads
}

// startLoads starts three FEs, three BEs, and a Segue before them, with what else its section of loads has. They end with the test.
func startLoads(t *testing.T, o fesim.Options, options ...string) *loadFleet {
	t.Helper()
	f := newLoadFleet(t, o)
	var addresses []string
	for _, b := range f.cluster.BEs() {
		c := startCutter(t, b.HTTPAddress())
		f.bes = append(f.bes, c)
		addresses = append(addresses, fmt.Sprintf("%q: %q", b.HTTPAddress(), c.address()))
	}
	f.start(t, f.specs(), append(options, "addresses: {"+strings.Join(addresses, ", ")+"}")...)
	return f
}

// startLoadsAtFEs is startLoads with cutters before the FEs' HTTP ports, where their health is asked, too. FEs name each other by their own addresses.
func startLoadsAtFEs(t *testing.T, o fesim.Options) *loadFleet {
	t.Helper()
	f := newLoadFleet(t, o)
	specs := f.specs()
	var addresses []string
	for i, fe := range f.cluster.FEs() {
		c := startCutter(t, fe.HTTPAddress())
		f.fes = append(f.fes, c)
		specs[i].HealthURL = "http://" + c.address() + "/api/health"
		addresses = append(addresses, fmt.Sprintf("%q: %q", fe.HTTPAddress(), c.address()))
	}
	f.start(t, specs, "addresses: {"+strings.Join(addresses, ", ")+"}")
	return f
}

// newLoadFleet starts FEs and BEs, in real time but for the least time that an exit takes and for elections, which are made short.
func newLoadFleet(t *testing.T, o fesim.Options) *loadFleet {
	t.Helper()
	o.MinExit, o.AcceptWindow, o.Election, o.Heartbeat = 300*time.Millisecond, 300*time.Millisecond, 500*time.Millisecond, 200*time.Millisecond
	o.Users, o.Operators = map[string]string{testUser: testPassword}, []string{testUser}
	cluster, err := fesim.NewCluster(3, o)
	if err != nil {
		t.Fatalf("make FEs: %v", err)
	}
	t.Cleanup(cluster.Close)
	if err := cluster.Start(); err != nil {
		t.Fatalf("start FEs: %v", err)
	}
	f := &loadFleet{feFleet: &feFleet{cluster: cluster}}
	for range 3 {
		b, err := f.cluster.AddBE(fesim.BEOptions{})
		if err != nil {
			t.Fatalf("add a BE: %v", err)
		}
		if err := b.Start(); err != nil {
			t.Fatalf("start a BE: %v", err)
		}
	}
	return f
}

// start starts Segue.
func (f *loadFleet) start(t *testing.T, specs []backend.Spec, options ...string) {
	t.Helper()
	f.program = startProgram(t, f.flavor(), specs, "load: {"+strings.Join(append(options, "listen: 127.0.0.1:0"), ", ")+"}")
	f.url = f.program.printed(t, `(http://\S+)/api/DATABASE/`)
}

// found is how often each of a file's rows is in the table, at least and at most.
func (f *loadFleet) found(file loadFile) (least, most int) {
	rows := f.cluster.Loaded(loadDatabase, loadTable)
	for i, id := range file.ids {
		n := rows.Times(id)
		if i == 0 {
			least = n
		}
		least, most = min(least, n), max(most, n)
	}
	return least, most
}

// parquetRows makes bytes that only Parquet can be, and names the one row that the simulator takes them for.
func parquetRows(filling []byte) (body []byte, ids []string) {
	body = append(append([]byte("PAR1\x00\r\n\r\n0\r\n\r\n"), filling...), "PAR1"...)
	sum := sha256.Sum256(body)
	return body, []string{hex.EncodeToString(sum[:])}
}

// loadServer is an FE or a BE.
type loadServer interface {
	Name() string
	Exited() <-chan struct{}
	Start() error
}

// loadFault is what happens to loads.
type loadFault struct {
	name string
	cuts bool // the connection to the BE is cut at the place, of each request once
	most int  // … so often, in all; 0: a dozen times
	// strike is what happens once, when the first request is at the place: be is the one that it goes to. It returns who leaves by that.
	strike func(f *loadFleet, be *fesim.BE) loadServer
}

// loadFaults lists them.
func loadFaults() []loadFault {
	return []loadFault{
		{name: "cut", cuts: true},
		{name: "BE killed", strike: func(_ *loadFleet, be *fesim.BE) loadServer { be.Stop(false); return be }},
		{name: "BE drained", strike: func(_ *loadFleet, be *fesim.BE) loadServer { be.Stop(true); return be }},
		{name: "FE killed", strike: func(f *loadFleet, _ *fesim.BE) loadServer { return endFE(f.follower(), (*fesim.FE).Kill) }},
		{name: "FE drained", strike: func(f *loadFleet, _ *fesim.BE) loadServer { return endFE(f.follower(), (*fesim.FE).GracefulExit) }},
		{name: "leader killed", strike: func(f *loadFleet, _ *fesim.BE) loadServer { return endFE(f.cluster.Leader(), (*fesim.FE).Kill) }},
		{name: "leader drained", strike: func(f *loadFleet, _ *fesim.BE) loadServer { return endFE(f.cluster.Leader(), (*fesim.FE).GracefulExit) }},
		{name: "leader cut off", strike: func(f *loadFleet, _ *fesim.BE) loadServer {
			return cutOffFE{endFE(f.cluster.Leader(), (*fesim.FE).CutOff)}
		}},
	}
}

// cutOffFE is an FE that takes itself for the leader still. It does not end by itself.
type cutOffFE struct{ *fesim.FE }

// Exited kills it.
func (fe cutOffFE) Exited() <-chan struct{} {
	fe.Kill()
	return fe.FE.Exited()
}

func endFE(fe *fesim.FE, end func(*fesim.FE)) *fesim.FE {
	end(fe)
	return fe
}

func (f *loadFleet) follower() *fesim.FE { return f.cluster.FEs()[f.order()[0]] }

// arm has the fault happen at a place, on the way to BEs, or else to FEs. The function that it returns ends that, and starts again who has left.
func (f *loadFleet) arm(fault loadFault, at place) (mend func(t *testing.T) (struck int)) {
	var mu sync.Mutex
	most := cmp.Or(fault.most, 12) // who is told to send again under another label, or sends no label, gets through in the end
	struck, seen := 0, map[string]int{}
	var left loadServer
	cutters := slices.Concat(f.bes, f.fes)
	for i, c := range cutters {
		c.arm(func(request string, is place) bool {
			if is != at {
				return false
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case fault.cuts && (seen[request] == 0 || strings.HasSuffix(request, " ")) && struck < most:
				seen[request]++
				struck++
				return true
			case fault.strike != nil && struck == 0:
				struck++
				left = fault.strike(f, f.cluster.BEs()[i])
			}
			return false
		})
	}
	return func(t *testing.T) int {
		t.Helper()
		for _, c := range cutters {
			c.arm(nil)
		}
		mu.Lock()
		defer mu.Unlock()
		if left != nil {
			f.startAgain(t, left)
		}
		return struck
	}
}

// startAgain waits until one has left, and starts it again.
func (f *loadFleet) startAgain(t *testing.T, left loadServer) {
	t.Helper()
	select {
	case <-left.Exited():
	case <-time.After(startTimeout):
		t.Fatalf("%s does not exit", left.Name())
	}
	if err := left.Start(); err != nil {
		t.Fatalf("start %s again: %v", left.Name(), err)
	}
	waitFor(t, "a leader", func() bool { return f.cluster.Leader() != nil })
	if f.program != nil {
		f.program.waitUp(t)
	}
}

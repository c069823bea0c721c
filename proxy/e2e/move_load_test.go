package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend/fesim"
)

// TestMoveLoad has all clients load at the same time, again and again, while connections to BEs are cut, BEs and FEs are killed and drained, and leaders elected,
// at each class of byte boundaries of what a load sends and is answered: every row that was acknowledged is there once, none is there twice, and what is said
// not to be loaded is not there. Bodies are kept, so no load fails: only a transaction into which rows were on their way, which can lose some of them, does.
func TestMoveLoad(t *testing.T) {
	m := newLoadMatrix(t, startLoads(t, fesim.Options{Generation: fesim.G4}), loadClients())
	m.unseen = true
	for _, fault := range loadFaults() {
		here := places
		if !fault.cuts {
			here = m.some(places, 3)
		}
		for _, at := range here {
			m.round(t, fault, at)
		}
	}
	m.show(t)
}

// TestMoveLoadUnkept: Segue keeps nothing of bodies, so clients are told that nothing was loaded where it could send again otherwise, and load the same again.
func TestMoveLoadUnkept(t *testing.T) {
	m := newLoadMatrix(t, startLoads(t, fesim.Options{}, "buffer: 0KiB"), loadClients())
	for _, fault := range loadFaults()[:3] {
		for _, at := range m.some(places, 3) {
			m.round(t, fault, at)
		}
	}
	m.show(t)
}

// TestMoveLoadFrontends: connections to FEs are cut.
func TestMoveLoadFrontends(t *testing.T) {
	m := newLoadMatrix(t, startLoadsAtFEs(t, fesim.Options{}), loadClients())
	for _, at := range []place{atHead, atSent, atDone, atAnswer} {
		m.round(t, loadFault{name: "cut at FEs", cuts: true}, at)
	}
	m.show(t)
}

// TestMoveLoadClients: it is the clients' own connections that are cut, and they load the same again, under the same label. Those that take another one cannot be helped.
func TestMoveLoadClients(t *testing.T) {
	f := startLoads(t, fesim.Options{})
	segue, err := url.Parse(f.url)
	if err != nil {
		t.Fatal(err)
	}
	c := startCutter(t, segue.Host)
	f.bes, f.url = []*cutter{c}, "http://"+c.address()
	clients := slices.DeleteFunc(loadClients(), func(c loadClient) bool { return len(c.blind) > 0 })
	m := newLoadMatrix(t, f, clients)
	m.broken = true
	for _, at := range places {
		m.round(t, loadFault{name: "cut at clients", cuts: true}, at)
	}
	m.show(t)
}

// TestMoveLoadDirect is how it is without Segue: clients load by an FE that names BEs at addresses which they reach, in those ways that FEs take, without labels, and again
// what has failed, when connections to BEs are cut. Then rows are there twice. That TestMoveLoad finds none is worth something for that.
func TestMoveLoadDirect(t *testing.T) {
	f := newLoadFleet(t, fesim.Options{})
	var renames []string
	for _, b := range f.cluster.BEs() {
		c := startCutter(t, b.HTTPAddress())
		f.bes = append(f.bes, c)
		renames = append(renames, b.HTTPAddress(), c.address())
	}
	f.url = "http://" + startCutter(t, f.cluster.Leader().HTTPAddress(), renames...).address()
	clients := loadClients()
	clients = slices.DeleteFunc(clients, func(c loadClient) bool { return c.name == "fetch" || c.name == "doris-stream-load" })
	for i := range clients {
		clients[i].ways = slices.DeleteFunc(clients[i].ways, func(way string) bool { return slices.Contains([]string{"plain", "chunks", "http10"}, way) })
	}
	m := newLoadMatrix(t, f, clients)
	m.broken, m.bare, m.judge = true, true, func(string, ...any) {}
	for _, at := range places {
		m.round(t, loadFault{name: "cut", cuts: true}, at)
	}
	m.show(t)
	if c := m.ledger.cells[[2]string{"curl", "cut"}]; c.doubled == 0 {
		t.Error("no row is there twice without Segue: nothing was cut where it matters")
	}
}

// loadMatrix is clients that load while faults happen.
type loadMatrix struct {
	*loadFleet
	random    *rand.Rand
	ledger    *loadLedger
	loaders   []*loader
	directory string
	clients   []string
	faults    []string
	rounds    int
	unseen    bool                 // all loads but those in transactions are to be acknowledged at once
	broken    bool                 // clients may be left without an answer
	bare      bool                 // they send no labels, and all the same again what was not acknowledged
	judge     func(string, ...any) // is told what is wrong
}

func newLoadMatrix(t *testing.T, f *loadFleet, clients []loadClient) *loadMatrix {
	t.Helper()
	m := &loadMatrix{loadFleet: f, random: rand.New(rand.NewPCG(*seed, 0)), ledger: newLoadLedger(), directory: t.TempDir(), judge: t.Errorf}
	for _, c := range clients {
		m.loaders = append(m.loaders, c.start(t, f.url))
		m.clients = append(m.clients, c.name)
	}
	return m
}

// some takes n of the places, by chance.
func (m *loadMatrix) some(of []place, n int) []place {
	of = slices.Clone(of)
	m.random.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
	return of[:n]
}

// round has each client load once, while the fault happens at a place.
func (m *loadMatrix) round(t *testing.T, fault loadFault, at place) {
	t.Helper()
	if !slices.Contains(m.faults, fault.name) {
		m.faults = append(m.faults, fault.name)
	}
	m.rounds++
	mend := m.arm(fault, at)
	began := time.Now()
	var running sync.WaitGroup
	for i, l := range m.loaders {
		way := l.way()
		file := writeLoadRows(t, m.directory, fmt.Sprintf("r%d-%d", m.rounds, i), way, 100+m.random.IntN(200))
		running.Go(func() { m.loadUntilLoaded(t, l, way, file, fault.name, at) })
	}
	running.Wait()
	took := time.Since(began)
	struck := mend(t)
	if struck == 0 {
		t.Errorf("%s at %s: no load came there", fault.name, at)
	}
	t.Logf("%s at %s, %d times: %v", fault.name, at, struck, took.Round(time.Millisecond))
	if t.Failed() {
		m.show(t)
		t.FailNow()
	}
}

// show shows what has become of all rows.
func (m *loadMatrix) show(t *testing.T) {
	t.Helper()
	t.Logf("seed %d\n%s", *seed, m.ledger.table(m.clients, m.faults))
}

// loadUntilLoaded has a client load a file, and if it is not told that it was loaded, the same again, where it can. Every third has no label but Segue's.
func (m *loadMatrix) loadUntilLoaded(t *testing.T, l *loader, way string, file loadFile, fault string, at place) {
	t.Helper()
	what := fmt.Sprintf("%s %s, %s at %s, %s", l.name, way, fault, at, file.label)
	label, again := file.label, !l.isBlind(way)
	if m.bare || l.turn%3 == 0 && again && !m.broken {
		label, again = "-", m.bare && again
	}
	var first, last loadVerdict
	var least, most int
	var said string
	for deadline := time.Now().Add(loadTimeout); ; {
		v, text := l.load(way, loadDatabase+"/"+loadTable, label, file.path)
		least, most = m.found(file)
		if wrong := wrongTold(v, least, most); wrong != "" {
			m.judge("%s: %s (%s): %s", what, wrong, v, text)
		}
		if last = v; first == "" {
			first = v
		}
		if v == noAnswer && !l.isBlind(way) && !m.broken {
			t.Errorf("%s: left without an answer: %s", what, text)
		}
		fresh := label == "-" && strings.HasPrefix(fault, "cut") // under each label that Segue takes it is cut once more
		if m.unseen && v != loaded && !fresh && way != "sdk-txn" && way != "sdk-2pc" {
			t.Errorf("%s: %s: %s", what, v, text)
		}
		if v != loaded && text != said {
			t.Logf("%s: %s, there %d times: %s", what, v, most, text)
			said = text
		}
		if v == loaded || v == hung || v == outOfWords || v != notLoaded && !again {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("%s: not loaded within %v", what, loadTimeout)
			break
		}
		time.Sleep(100 * time.Millisecond) // as a client does that is not to be a nuisance
	}
	m.ledger.enter(l.name, fault, len(file.ids), first, last, least, most)
}

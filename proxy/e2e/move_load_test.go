package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"segue/backend/fesim"
)

// TestMoveLoad has all clients load at the same time, again and again, while connections to BEs are cut, BEs and FEs are killed and drained, and leaders elected,
// at each class of byte boundaries of what a load sends and is answered: every row that was acknowledged is there once, none is there twice, what is said
// not to be loaded is not there, and whoever is told so, or nothing, loads the same again.
func TestMoveLoad(t *testing.T) {
	f := startLoads(t, fesim.Options{})
	random := rand.New(rand.NewPCG(*seed, 0))
	var loaders []*loader
	var clients, faults []string
	for _, c := range loadClients() {
		loaders = append(loaders, c.start(t, f.url))
		clients = append(clients, c.name)
	}
	ledger, directory, round := newLoadLedger(), t.TempDir(), 0
	for _, fault := range loadFaults() {
		faults = append(faults, fault.name)
		here := slices.Clone(places)
		random.Shuffle(len(here), func(i, j int) { here[i], here[j] = here[j], here[i] })
		if !fault.cuts {
			here = here[:4]
		}
		for _, at := range here {
			round++
			mend := f.arm(fault, at)
			began := time.Now()
			var running sync.WaitGroup
			for i, l := range loaders {
				way := l.way()
				file := writeLoadRows(t, directory, fmt.Sprintf("r%d-%d", round, i), way, 100+random.IntN(200))
				running.Go(func() { f.loadUntilLoaded(t, ledger, l, way, file, fault.name, at) })
			}
			running.Wait()
			took := time.Since(began)
			if struck := mend(t); struck == 0 {
				t.Errorf("%s at %s: no load came there", fault.name, at)
			}
			t.Logf("%s at %s: %v", fault.name, at, took.Round(time.Millisecond))
			if t.Failed() {
				break
			}
		}
	}
	t.Logf("seed %d\n%s", *seed, ledger.table(clients, faults))
}

// loadUntilLoaded has a client load a file, and if it is not told that it was loaded, the same again, where it can.
func (f *loadFleet) loadUntilLoaded(t *testing.T, ledger *loadLedger, l *loader, way string, file loadFile, fault string, at place) {
	const tries = 5
	table := loadDatabase + "/" + loadTable
	var first, last loadVerdict
	var least, most int
	for try := range tries {
		v, text := l.load(way, table, file.label, file.path)
		least, most = f.found(file)
		judgeTold(t, fmt.Sprintf("%s %s, %s at %s, %s", l.name, way, fault, at, file.label), v, text, least, most)
		if last = v; try == 0 {
			first = v
		}
		if v == noAnswer && !l.isBlind(way) {
			t.Errorf("%s %s, %s at %s: Segue left it without an answer: %s", l.name, way, fault, at, text)
		}
		if v != loaded {
			t.Logf("%s %s, %s at %s, %s: %s, there %d times: %s", l.name, way, fault, at, file.label, v, most, text)
		}
		if v == loaded || v == hung || v == outOfWords || l.isBlind(way) {
			break
		}
	}
	if last != loaded && !l.isBlind(way) {
		t.Errorf("%s %s, %s at %s: not loaded after %d tries", l.name, way, fault, at, tries)
	}
	ledger.enter(l.name, fault, len(file.ids), first, last, least, most)
}

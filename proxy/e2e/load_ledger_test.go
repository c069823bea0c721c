package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
)

// loadLedger counts what became of rows, for each client under each fault.
type loadLedger struct {
	mu      sync.Mutex
	clients []string
	faults  []string
	cells   map[[2]string]*loadCell
}

// loadCell counts rows; that they are right is judged load by load.
type loadCell struct {
	loads, sent, acknowledged, found, lost, doubled int
	told                                            map[loadVerdict]int // of loads, at first
}

func newLoadLedger() *loadLedger { return &loadLedger{cells: map[[2]string]*loadCell{}} }

func (l *loadLedger) cell(client, fault string) *loadCell {
	key := [2]string{client, fault}
	if l.cells[key] == nil {
		l.cells[key] = &loadCell{told: map[loadVerdict]int{}}
	}
	return l.cells[key]
}

// enter enters a load whose end has come.
func (l *loadLedger) enter(client, fault string, rows int, first, last loadVerdict, least, most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.cell(client, fault)
	c.loads++
	c.told[first]++
	c.sent += rows
	if last == loaded {
		c.acknowledged += rows
		if least == 0 {
			c.lost += rows
		}
	}
	if most > 0 {
		c.found += rows
	}
	if most > 1 {
		c.doubled += rows
	}
}

// table shows the ledger: a line for each client under each fault, in the order given.
func (l *loadLedger) table(clients, faults []string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "client\tfault\tloads\trows sent\tacknowledged\tfound\tlost\tdoubled\ttold at first")
	for _, client := range clients {
		for _, fault := range faults {
			c := l.cells[[2]string{client, fault}]
			if c == nil {
				continue
			}
			var told []string
			for _, v := range []loadVerdict{loaded, notLoaded, notKnown, noAnswer, hung, outOfWords} {
				if n := c.told[v]; n > 0 {
					told = append(told, fmt.Sprintf("%s %d", v, n))
				}
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", client, fault, c.loads, c.sent, c.acknowledged, c.found, c.lost, c.doubled, strings.Join(told, ", "))
		}
	}
	_ = w.Flush()
	return text.String()
}

// judgeTold compares what a client was told of a load with what is there, once it was told.
func judgeTold(t *testing.T, what string, v loadVerdict, text string, least, most int) {
	t.Helper()
	switch {
	case least != most:
		t.Errorf("%s: some of its rows are there %d times, others %d: %s", what, least, most, text)
	case v == hung || v == outOfWords:
		t.Errorf("%s: %s: %s", what, v, text)
	case most > 1:
		t.Errorf("%s: its rows are there %d times: %s: %s", what, most, v, text)
	case v == loaded && least == 0:
		t.Errorf("%s: acknowledged, and not there: %s", what, text)
	case v == notLoaded && most > 0:
		t.Errorf("%s: told that nothing was loaded, and it is there: %s", what, text)
	}
}

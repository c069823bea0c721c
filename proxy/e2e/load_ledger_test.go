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
	mu    sync.Mutex
	cells map[[2]string]*loadCell
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
	if wrong := wrongTold(v, least, most); wrong != "" {
		t.Errorf("%s: %s (%s): %s", what, wrong, v, text)
	}
}

// wrongTold is what is wrong where a client was told v, and each of its rows is there at least and at most so often; empty: nothing.
func wrongTold(v loadVerdict, least, most int) string {
	switch {
	case v == hung || v == outOfWords:
		return "no word to go by"
	case least != most:
		return fmt.Sprintf("some of its rows are there %d times, others %d", least, most)
	case most > 1:
		return fmt.Sprintf("its rows are there %d times", most)
	case v == loaded && most == 0:
		return "acknowledged, and not there"
	case v == notLoaded && most > 0:
		return "told that nothing was loaded, and it is there"
	}
	return ""
}

// TestLoadVerdicts: what judges loads finds what is wrong.
func TestLoadVerdicts(t *testing.T) {
	for _, c := range []struct {
		line        string
		want        loadVerdict
		least, most int
		wrong       bool
	}{
		{"loaded", loaded, 1, 1, false},
		{"loaded", loaded, 0, 0, true},
		{"loaded", loaded, 2, 2, true},
		{"loaded", loaded, 0, 1, true},
		{"failed\tprepare returned false", noAnswer, 1, 1, false},
		{"lost\treset", noAnswer, 0, 0, false},
		{"lost\treset", noAnswer, 2, 2, true},
		{"answer\t200\t{\"Status\": \"Success\"}", loaded, 1, 1, false},
		{"answer\t200\t{\"Status\": \"Publish Timeout\"}", loaded, 1, 1, false},
		{"answer\t200\t{\"Status\": \"Label Already Exists\", \"ExistingJobStatus\": \"FINISHED\"}", loaded, 1, 1, false},
		{"answer\t200\t{\"Status\": \"Label Already Exists\", \"ExistingJobStatus\": \"RUNNING\"}", notKnown, 0, 0, false},
		{"answer\t200\t{\"Status\": \"Fail\"}", notLoaded, 0, 0, false},
		{"answer\t200\t{\"Status\": \"Fail\"}", notLoaded, 1, 1, true},
		{"answer\t200\t{\"Status\": \"Fail\", \"Outcome\": \"unknown\"}", notKnown, 1, 1, false},
		{"answer\t200\t{}", outOfWords, 0, 0, true},
		{"answer\t307\t", outOfWords, 0, 0, true},
		{"bash: curl: not found", outOfWords, 0, 0, true},
	} {
		v, _ := readOutcome(c.line)
		if wrong := wrongTold(v, c.least, c.most); v != c.want || (wrong != "") != c.wrong {
			t.Errorf("%s: %s, %q with %d to %d of each row", c.line, v, wrong, c.least, c.most)
		}
	}
}

package main

import (
	"strings"
	"testing"
)

func TestStraceCounts(t *testing.T) {
	const text = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.600000           6    100000        12 recvmsg
 40.00    0.400000           8     50000           sendto
------ ----------- ----------- --------- --------- ----------------
100.00    1.000000           7    150000        12 total
`
	got := straceCounts(text)
	if len(got) != 2 || got["recvmsg"] != 100000 || got["sendto"] != 50000 {
		t.Errorf("%v", got)
	}
}

func TestCallsMedians(t *testing.T) {
	c := called{Front: "segue", Conns: 1, Rounds: []map[string]float64{{"read": 2, "write": 2}, {"read": 2, "write": 3, "futex": 1}, {"read": 2, "write": 4, "futex": 3}}}
	m := c.medians()
	for name, want := range map[string]float64{"read": 2, "write": 3, "futex": 1, sum: 6} {
		if m[name] != want {
			t.Errorf("%s: %v, want %v", name, m[name], want)
		}
	}
	if text := callsTable([]called{c}); !strings.Contains(text, "| all | 6.00 |\n| write | 3.00 |") {
		t.Errorf("%s", text)
	}
}

func TestMemoryTable(t *testing.T) {
	all := []held{
		{"segue", 9900, map[string]float64{moments[0]: 5000, moments[1]: 3000, moments[2]: 5000, moments[3]: 3000}},
		{"segue", 9900, map[string]float64{moments[0]: 7000, moments[1]: 3000, moments[2]: 5000, moments[3]: 3000}},
	}
	if text := memoryTable(all); !strings.HasSuffix(text, "| `segue` | 9900 | 6.00 (5.00–7.00) | 3.00 (3.00–3.00) | 5.00 (5.00–5.00) | 3.00 (3.00–3.00) |\n") {
		t.Errorf("%s", text)
	}
}

// The table says so.
func TestVariedHasTenStatements(t *testing.T) {
	if n := passes * len(varied()); n != 50 {
		t.Errorf("%d statements, and the table says 50", n)
	}
}

func TestFlags(t *testing.T) {
	if got, err := numbers("-conns", "1,16"); err != nil || len(got) != 2 || got[1] != 16 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"0", "x", "1,-2"} {
		if got, err := numbers("-conns", bad); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
	for _, bad := range []plan{{parts: []string{"speed"}}, {fronts: []string{"envoy"}}, {parts: []string{"visits"}, fronts: []string{"nginx"}}, {backends: []int{mostServer + 1}}} {
		if bad.check() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	for _, part := range parts() {
		p := (&plan{rounds: 3, conns: []int{7}, fronts: []string{"segue"}}).of(part)
		if p.rounds != 3 || p.conns[0] != 7 || p.fronts[0] != "segue" {
			t.Errorf("%s does not do what the flags say: %+v", part.name, p)
		}
		if p := (&plan{}).of(part); p.rounds == 0 || len(p.fronts) == 0 {
			t.Errorf("%s has no choice of its own: %+v", part.name, p)
		}
	}
}

func TestTeller(t *testing.T) {
	var lines, terminal strings.Builder
	for _, to := range []teller{{&lines, false}, {&terminal, true}} {
		to.step("idle, %d backends", 3)
		to.within("round %d", 1)
		to.clear()
	}
	if got := lines.String(); got != "idle, 3 backends\n" {
		t.Errorf("%q", got)
	}
	if got := terminal.String(); got != "\r\033[Kidle, 3 backends\r\033[Kround 1\r\033[K" {
		t.Errorf("%q", got)
	}
}

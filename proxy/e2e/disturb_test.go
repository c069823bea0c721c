package e2e

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend"
)

// disturber makes incidents happen to a fleet, and to the network between Segue and it.
type disturber struct {
	fleet    fragile
	specs    []backend.Spec // as Segue is told: the cables' ends
	cables   []*cable       // to the MySQL ports
	health   []*cable       // to the health ports, nil where there is none
	program  *segueProgram
	cuts     *moments
	happened [numDisturbances]int
}

// startDisturber lays cables to a fleet.
func startDisturber(t *testing.T, f fragile) *disturber {
	t.Helper()
	d := &disturber{fleet: f, specs: f.specs(), cuts: &moments{}}
	for i := range d.specs {
		s := &d.specs[i]
		c := startCable(t, s.Address)
		c.cuts = d.cuts // of the MySQL ports alone
		s.Address = c.address()
		d.cables = append(d.cables, c)
		d.health = append(d.health, nil)
		if s.HealthURL == "" {
			continue
		}
		u, err := url.Parse(s.HealthURL)
		if err != nil {
			t.Fatalf("read health URL: %v", err)
		}
		d.health[i] = startCable(t, u.Host)
		u.Host = d.health[i].address()
		s.HealthURL = u.String()
	}
	return d
}

// disturb makes incidents of a plan happen until the time is up, each disturbance once at least.
func (d *disturber) disturb(t *testing.T, next func() incident, most time.Duration) {
	t.Helper()
	began := time.Now()
	for n := 0; n < int(numDisturbances) || time.Since(began) < most; n++ {
		i := next()
		time.Sleep(i.pause)
		if i.what.away() {
			d.program.waitUp(t) // so that there is always one that serves
		}
		t.Logf("%7s %s", time.Since(began).Round(time.Millisecond), i)
		d.happened[i.what]++
		d.carryOut(t, i)
		if t.Failed() {
			return
		}
	}
	d.program.waitUp(t)
}

// carryOut lets one incident happen, and end.
func (d *disturber) carryOut(t *testing.T, i incident) {
	t.Helper()
	name := d.specs[i.backend].Name
	try := func(doing string, err error) {
		if err != nil {
			t.Fatalf("%s %s: %v", doing, name, err)
		}
	}
	if i.what.away() {
		d.cuts.note()
	}
	switch i.what {
	case kill:
		try("kill", d.fleet.kill(i.backend))
		d.last(i)
		try("start", d.fleet.revive(t.Context(), i.backend))
	case freeze:
		try("freeze", d.fleet.freeze(i.backend))
		t.Cleanup(func() { _ = d.fleet.thaw(i.backend) })
		d.last(i)
		try("thaw", d.fleet.thaw(i.backend))
	case partition:
		d.network(i, condition{deaf: true, mute: true})
	case deafen:
		d.network(i, condition{deaf: true})
	case mute:
		d.network(i, condition{mute: true})
	case slow:
		d.network(i, condition{delay: 10 * time.Millisecond})
	case chase:
		d.strike(reset, i.backend)
		time.Sleep(i.gap())
		d.strike(reset, i.other)
	case drain:
		d.program.run(t, "drain", name, "--force") // the others may be ill
		d.last(i)
		d.program.run(t, "ready", name)
	case leave:
		d.fleet.restart(t, d.program, i.backend)
	case remove:
		d.program.reload(t, d.fleet.flavor(), slices.Delete(slices.Clone(d.specs), i.backend, i.backend+1), eager)
		d.last(i)
		d.program.reload(t, d.fleet.flavor(), d.specs, eager)
	case reweigh:
		specs := slices.Clone(d.specs)
		specs[i.backend].Weight = 3
		d.program.reload(t, d.fleet.flavor(), specs, eager)
		d.last(i)
		d.program.reload(t, d.fleet.flavor(), d.specs, eager)
	default:
		d.strike(i.what, i.backend)
	}
}

// last waits until an incident is over. In the middle of it another one may strike.
func (d *disturber) last(i incident) {
	time.Sleep(i.lasts / 2)
	if i.also != i.what {
		d.happened[i.also]++
		d.strike(i.also, i.other)
	}
	time.Sleep(i.lasts / 2)
}

// lose has what is under way in one direction get lost, connections and all.
func (d *disturber) lose(at int, c condition) {
	const gathering = 100 * time.Millisecond // of statements, on connections that do not get answers; too short for anybody to doubt the server
	d.cables[at].set(c)
	time.Sleep(gathering)
	d.cables[at].reset()
	d.cables[at].set(condition{})
}

// strike lets something happen that takes hardly any time.
func (d *disturber) strike(what disturbance, at int) {
	switch what {
	case reset:
		d.cables[at].reset()
	case finish:
		d.cables[at].finish()
	case loseStatements:
		d.lose(at, condition{deaf: true})
	case loseAnswers:
		d.lose(at, condition{mute: true})
	default:
		d.cables[at].bite(3, 1)
	}
}

// network has both cables to a backend carry as told for a while.
func (d *disturber) network(i incident, c condition) {
	for _, to := range []condition{c, {}} {
		d.cables[i.backend].set(to)
		if h := d.health[i.backend]; h != nil {
			h.set(to)
		}
		if to == c {
			d.last(i)
		}
	}
}

// report tells what has happened.
func (d *disturber) report() string {
	sum := 0
	var list []string
	for what, n := range d.happened {
		sum += n
		list = append(list, fmt.Sprintf("%d %s", n, disturbance(what)))
	}
	return fmt.Sprintf("%d incidents: %s", sum, strings.Join(list, ", "))
}

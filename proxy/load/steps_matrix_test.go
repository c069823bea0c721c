package load_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend/fesim"
	"segue/proxy/load"
)

// loader loads by transactions as StarRocks' SDK does (TransactionStreamLoader): after a failure it rolls back and begins anew under another label, and after a commit that failed it asks for the label's state.
type loader struct {
	r     *rig
	table string
	multi bool
	told  []string // failures that it was told of
	hung  bool
}

func (l *loader) step(t *testing.T, name, label string, body string) answer {
	t.Helper()
	header := map[string]string{"db": "fesim", "table": l.table, "label": label, "Expect": "100-continue", "timeout": "600"}
	if l.multi {
		header["transaction_type"] = "multi"
	}
	var a answer
	if name == "load" {
		header = with(header, "format", "csv", "column_separator", ",")
		a = l.r.do(t, http.MethodPut, "/api/transaction/load", header, strings.NewReader(body), int64(len(body)))
	} else {
		a = l.r.send(t, http.MethodPost, "/api/transaction/"+name, header, http.NoBody)
	}
	if a.err != nil || a.code != http.StatusOK {
		l.hung = true
		t.Errorf("%s of %s: %d %v %q", name, label, a.code, a.err, a.text)
	}
	if !done(a) {
		l.told = append(l.told, fmt.Sprintf("%s: %s", name, strings.TrimSpace(a.text)))
	}
	return a
}

func done(a answer) bool { return a.status() == "OK" || a.status() == "Success" }

// load has two bodies loaded by one transaction, or says that it does not know.
func (l *loader) load(t *testing.T, base string, bodies ...string) (known bool) {
	t.Helper()
	for n := range 6 {
		label := fmt.Sprintf("%s-%d", base, n)
		if !done(l.step(t, "begin", label, "")) {
			continue
		}
		ok := true
		for _, body := range bodies {
			ok = ok && done(l.step(t, "load", label, body))
		}
		if ok && !l.multi {
			ok = l.thrice(t, "prepare", label)
		}
		if !ok {
			l.step(t, "rollback", label, "")
			continue
		}
		if l.thrice(t, "commit", label) {
			return true
		}
		switch state := l.state(t, label); state {
		case "COMMITTED", "VISIBLE":
			return true
		case "ABORTED":
		default:
			return false
		}
	}
	t.Errorf("%s: no transaction came to its end: %q", base, l.told)
	return false
}

func (l *loader) thrice(t *testing.T, name, label string) bool {
	t.Helper()
	for range 3 {
		if done(l.step(t, name, label, "")) {
			return true
		}
	}
	return false
}

func (l *loader) state(t *testing.T, label string) (state string) {
	t.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		a := l.r.send(t, http.MethodGet, "/api/fesim/get_load_state?label="+label, nil, nil)
		if state, _ = a.json["state"].(string); state != "PREPARE" && state != "PREPARED" && state != "" {
			return state
		}
	}
	return state
}

// What is told of the steps of a transaction is true, whatever goes wrong: rows are there once when the commit was acknowledged, and a client that goes on as the SDK does has them once in the end.
func TestStepMatrix(t *testing.T) {
	t.Parallel()
	type fault struct {
		op   fesim.LoadOp
		step fesim.LoadStep
		harm fesim.LoadHarm
		at   string
	}
	var faults []fault
	for _, op := range []fesim.LoadOp{fesim.OpBegin, fesim.OpTxnLoad, fesim.OpPrepare, fesim.OpCommit} {
		for _, step := range []fesim.LoadStep{fesim.AtArrival, fesim.AtBytes, fesim.AtDone, fesim.AtAnswer} {
			for _, harm := range []fesim.LoadHarm{fesim.HarmReset, fesim.HarmDie} {
				for _, at := range []string{"BE", "FE", "leader"} {
					switch {
					case step == fesim.AtBytes && (op != fesim.OpTxnLoad || at != "BE"), op == fesim.OpCommit && at == "BE", at == "leader" && harm != fesim.HarmDie:
						continue
					}
					faults = append(faults, fault{op, step, harm, at})
				}
			}
		}
	}
	const shards = 12
	var mu sync.Mutex
	lines, unknowns, hidden, loads := map[string]int{}, 0, 0, 0
	var wg sync.WaitGroup
	for shard := range shards {
		r := startScaled(t, 3)
		r.SetOptions(load.Options{Follow: true, Flavor: "starrocks"}) // some of these end with hold.timeout
		r.witness(t)
		wg.Go(func() {
			for n, f := range faults {
				if n%shards != shard {
					continue
				}
				for _, multi := range []bool{false, true} {
					if multi && (f.op == fesim.OpPrepare || f.op == fesim.OpBegin && f.at != "FE") { // there is none, or only at an FE
						continue
					}
					name := fmt.Sprintf("%s, %s, %s at the %s, multi %v", f.op, f.step, f.harm, f.at, multi)
					struck := make(chan struct{})
					once := sync.OnceFunc(func() { close(struck) })
					fe := f.at != "BE"
					lf := fesim.LoadFault{Op: f.op, Step: f.step, Bytes: 10, Do: f.harm}
					switch {
					case f.at == "leader": // it dies, and whoever serves the step goes on
						lf.Do = ""
						strike(fesim.LoadFault{Op: f.op, Step: f.step, Bytes: 10})(r, func() {
							once()
							if leader := r.sim.Leader(); leader != nil && f.op != fesim.OpCommit {
								leader.Kill()
							}
						})
						if f.op == fesim.OpCommit {
							lf.Do = fesim.HarmDie
							strikeFE(lf)(r, once)
						}
					case fe:
						strikeFE(lf)(r, once)
					default:
						strike(lf)(r, once)
					}
					table := fmt.Sprintf("s%d_%v", n, multi)
					l := &loader{r: r, table: table, multi: multi}
					first := (n*2 + map[bool]int{true: 1}[multi]) * matrixRows
					known := l.load(t, "steps-"+table, csv(first, matrixRows/2), csv(first+matrixRows/2, matrixRows/2))
					r.mend(t, false)
					want := 1
					if !known {
						want = -1
					}
					if wrong := r.check(table, want); wrong != "" {
						t.Errorf("%s: %s; it was told %q\n%s", name, wrong, l.told, r.log.tail())
					}
					hit := "told of nothing"
					if len(l.told) > 0 {
						hit = "told of it at " + l.told[0][:strings.Index(l.told[0], ":")]
					}
					select {
					case <-struck:
					default:
						t.Errorf("%s: nothing has struck", name)
					}
					mu.Lock()
					lines[fmt.Sprintf("%-9s %-10s %-5s at the %-6s: %s", f.op, f.step, f.harm, f.at, hit)]++
					loads++
					if !known {
						unknowns++
						t.Logf("%s: unknown: %q", name, l.told)
					}
					if len(l.told) == 0 {
						hidden++
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	var text []string
	for line, times := range lines {
		text = append(text, fmt.Sprintf("%s (%d)", line, times))
	}
	slices.Sort(text)
	t.Logf("\n%s\n%d transactions, %d of whose clients were told of nothing, %d that are not known", strings.Join(text, "\n"), loads, hidden, unknowns)
}

package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"segue/bench/experiment"
	"segue/bench/measure"
)

// wholeExperiment has every key.
const wholeExperiment = `name: a restart
dsn: root@tcp(127.0.0.1:19030)/
members: [root@tcp(127.0.0.1:19031)/]
flavor: fesim
load: {long: 8, short: 0, txn: 2, idle: 3, slow: 1, write: 0, rate: 12.5, txn_hold: 20ms, slow_for: 1s, idle_for: 5s, timeout: 3s, no_writes: true}
processes:
  - name: fe-1
    run: segue sim fe
    ready: {url: "http://127.0.0.1:18031/api/health"}
  - {name: front, run: haproxy -f x.cfg, ready: {listens: "127.0.0.1:19030"}}
steps:
  - sleep: 2s
  - mark: fe-1 is told to leave
    signal: {process: fe-1, signal: USR1}
  - wait: {exits: fe-1}
    timeout: 90s
  - mark: fe-1 is gone
  - wait: {url: "http://127.0.0.1:18031/", status: 503}
  - wait: {refuses: "127.0.0.1:19031"}
  - wait: {command: test -e done}
  - start: fe-1
  - run: echo done
    timeout: 5s
`

func TestParseExperiment(t *testing.T) {
	got, err := ParseExperiment("dir/restart.yaml", []byte(wholeExperiment))
	if err != nil {
		t.Fatal(err)
	}
	want := &experiment.Experiment{
		Name: "a restart", DSN: "root@tcp(127.0.0.1:19030)/", Members: []string{"root@tcp(127.0.0.1:19031)/"}, Flavor: "fesim", Dir: "dir",
		Load: measure.Load{
			Clients: measure.DefaultLoad().Clients, Rate: 12.5, TxnHold: 20 * time.Millisecond, SlowFor: time.Second, IdleFor: 5 * time.Second,
			Timeout: 3 * time.Second, Stream: measure.DefaultStream(), NoWrites: true, Seed: 1,
		},
		Processes: []experiment.Process{
			{Name: "fe-1", Run: "segue sim fe", Ready: experiment.Condition{URL: "http://127.0.0.1:18031/api/health", Status: 200}},
			{Name: "front", Run: "haproxy -f x.cfg", Ready: experiment.Condition{Listens: "127.0.0.1:19030"}},
		},
		Steps: []experiment.Step{
			{Line: 12, Do: experiment.Sleep, Sleep: 2 * time.Second, Timeout: time.Minute},
			{Line: 13, Mark: "fe-1 is told to leave", Do: experiment.Signal, Process: "fe-1", Signal: "USR1", Timeout: time.Minute},
			{Line: 15, Do: experiment.Wait, Wait: experiment.Condition{Exits: "fe-1"}, Timeout: 90 * time.Second},
			{Line: 17, Mark: "fe-1 is gone", Timeout: time.Minute},
			{Line: 18, Do: experiment.Wait, Wait: experiment.Condition{URL: "http://127.0.0.1:18031/", Status: 503}, Timeout: time.Minute},
			{Line: 19, Do: experiment.Wait, Wait: experiment.Condition{Refuses: "127.0.0.1:19031"}, Timeout: time.Minute},
			{Line: 20, Do: experiment.Wait, Wait: experiment.Condition{Command: "test -e done"}, Timeout: time.Minute},
			{Line: 21, Do: experiment.Start, Process: "fe-1", Timeout: time.Minute},
			{Line: 22, Do: experiment.Run, Command: "echo done", Timeout: 5 * time.Second},
		},
	}
	want.Load.Clients[measure.Long], want.Load.Clients[measure.Short], want.Load.Clients[measure.Txn] = 8, 0, 2
	want.Load.Clients[measure.Idle], want.Load.Clients[measure.Slow], want.Load.Clients[measure.Write] = 3, 1, 0
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if bare, err := ParseExperiment("dir/bare.yaml", []byte("steps: [{sleep: 1s}]")); err != nil || bare.Name != "bare" || bare.Load != measure.DefaultLoad() {
		t.Errorf("%+v, %v", bare, err)
	}
}

func TestExperimentProblems(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "x.yaml:1:1: the experiment has no steps; add steps:"},
		{"not YAML", "steps: [", "x.yaml:2:1: not YAML: did not find expected node content"},
		{"unknown key", "stepps: []", `x.yaml:1:1: unknown key "stepps"; did you mean "steps"?`},
		{"unknown action", "steps:\n  - slep: 1s", `x.yaml:2:5: unknown key "slep" in steps[0]; did you mean "sleep"?`},
		{"steps that are none", "steps: 5", `x.yaml:1:8: steps is the value "5", not a list`},
		{"a step that is none", "steps:\n  - sleep", `x.yaml:2:5: steps[0] is the value "sleep", not a set of keys`},
		{"two actions", "steps:\n  - {sleep: 1s, run: ls}", "x.yaml:2:5: steps[0] does several things: sleep, run; write a step for each"},
		{"no action", "steps:\n  - {timeout: 1s}", "x.yaml:2:5: steps[0] does nothing"},
		{"no unit", "steps:\n  - sleep: 5", "x.yaml:2:12: steps[0].sleep: 5 has no unit; did you mean 5ms or 5s?"},
		{"timeout of a mark", "steps:\n  - {mark: x, timeout: 1s}", "x.yaml:2:24: steps[0] has a timeout and nothing that takes time"},
		{"no condition", "steps:\n  - wait: {status: 200}", "x.yaml:2:11: steps[0].wait names 0 conditions"},
		{"two conditions", "steps:\n  - wait: {listens: 'a:1', refuses: 'a:1'}", "x.yaml:2:11: steps[0].wait names 2 conditions"},
		{"status of nothing", "steps:\n  - wait: {listens: 'a:1', status: 200}", "x.yaml:2:11: steps[0].wait has a status and no url"},
		{"no URL", "steps:\n  - wait: {url: fe1/health}", `x.yaml:2:17: steps[0].wait.url: "fe1/health" is not a URL`},
		{"no port", "steps:\n  - wait: {listens: fe1}", `steps[0].wait.listens: "fe1" has no port`},
		{"no such process", "processes: [{name: fe-1, run: x}]\nsteps:\n  - start: fe-2", `x.yaml:3:12: there is no process "fe-2"; did you mean "fe-1"?`},
		{"signal to nobody", "steps:\n  - signal: {process: fe-1, signal: USR1}", `x.yaml:2:23: there is no process "fe-1"`},
		{"no such signal", "processes: [{name: a, run: x}]\nsteps:\n  - signal: {process: a, signal: SIGUSR1}", `x.yaml:3:34: steps[0].signal.signal: unknown word "SIGUSR1"; known: CONT, HUP`},
		{"half a signal", "steps:\n  - signal: {signal: USR1}", "x.yaml:2:13: steps[0].signal lacks its process or its signal"},
		{"a name twice", "processes: [{name: a, run: x}, {name: a, run: y}]\nsteps: [{sleep: 1s}]", `x.yaml:1:39: there is a process "a" already`},
		{"half a process", "processes:\n  - name: a\nsteps: [{sleep: 1s}]", "x.yaml:2:5: processes[0] has no name or nothing to run"},
		{"an exit before the start", "processes: [{name: a, run: x, ready: {exits: a}}]\nsteps: [{sleep: 1s}]", `x.yaml:1:39: unknown key "exits" in processes[0].ready`},
		{"clients", "load: {long: many}\nsteps: [{sleep: 1s}]", `x.yaml:1:14: load.long: "many" is no number of clients`},
		{"rate", "load: {rate: -1}\nsteps: [{sleep: 1s}]", `x.yaml:1:14: load.rate: "-1" is no rate`},
		{"load", "load: {no_writes: true}\nsteps: [{sleep: 1s}]", "x.yaml:1:7: --no-writes leaves writers nothing to do"},
		{"flavor", "flavor: oracle\nsteps: [{sleep: 1s}]", `x.yaml:1:9: unknown flavor "oracle": want auto`},
		{"an alias", "steps:\n  - &a {sleep: 1s}\n  - *a", "x.yaml:3:5: steps[1] is a YAML alias"},
	} {
		_, err := ParseExperiment("x.yaml", []byte(test.text))
		problems, ok := errors.AsType[*Problems](err)
		if !ok || !strings.Contains(problems.Error(), test.want) {
			t.Errorf("%s: %v\nwant %s", test.name, err, test.want)
		}
	}
	if _, err := LoadExperiment("no/such.yaml"); err == nil || err.Error() != "no/such.yaml: no such file; name an existing file with --experiment" {
		t.Errorf("a file that is not there: %v", err)
	}
}

// Experiments that ship are right, and so is the one that its page shows.
func TestShippedExperiments(t *testing.T) {
	files, err := filepath.Glob("../bench/experiments/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, path := range files {
		if strings.HasPrefix(filepath.Base(path), "segue-") {
			if _, err := Load(path); err != nil {
				t.Error(err)
			}
			continue
		}
		if _, err := LoadExperiment(path); err != nil {
			t.Error(err)
		}
		read++
	}
	if read == 0 {
		t.Error("there are none")
	}
	page, err := os.ReadFile("../deploy/docs/how-to/measure-an-upgrade.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(page), "```yaml\n  name: fe-1 is upgraded")
	shown, _, found := strings.Cut(shown, "```")
	if _, err := ParseExperiment("measure-an-upgrade.md", []byte("  name: shown"+shown)); err != nil || !found {
		t.Errorf("in the page: %v", err)
	}
}

func FuzzParseExperiment(f *testing.F) {
	f.Add([]byte(wholeExperiment))
	f.Add([]byte("steps:\n  - {wait: {}}"))
	f.Add([]byte("processes: [{name: a}]\nload: ~\nsteps: [*a, []]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ParseExperiment("x.yaml", data)
		if (e == nil) == (err == nil) {
			t.Fatalf("experiment %v and error %v", e, err)
		}
		if _, ok := errors.AsType[*Problems](err); err != nil && !ok {
			t.Fatalf("not Problems: %v", err)
		}
	})
}

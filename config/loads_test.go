package config

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

const oneFE = "backends: [fe1:9030]\n"

func TestLoads(t *testing.T) {
	c := mustParse(t, oneFE+`discover: {user: segue}
load:
  listen: [127.0.0.1:8031, "unix:/run/segue/load.sock"]
  follow: false
  buffer: 0KiB
  memory: 1GiB
  connections: 7
  progress: 1m
  header: 2s
  nodes: [be-9, "be-8:8040", "[::1]:8040"]
  addresses: {BE-0.internal: 192.0.2.5:31040, "be-1:8040": lb.example}
`)
	l := c.Loads
	if len(l.Listen) != 2 || l.Listen[1].Address != "unix:/run/segue/load.sock" || l.Follow || l.Buffer != 0 || l.Memory != 1<<30 || l.Connections != 7 || l.Progress != time.Minute || l.Header != 2*time.Second {
		t.Errorf("%+v", l)
	}
	if !slices.Equal(l.Nodes, []string{"be-9", "be-8:8040", "[::1]:8040"}) || !maps.Equal(l.Addresses, map[string]string{"be-0.internal": "192.0.2.5:31040", "be-1:8040": "lb.example"}) {
		t.Errorf("%q, %v", l.Nodes, l.Addresses)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("%v", c.Warnings)
	}
	if d := Default().Loads; len(d.Listen) > 0 || !d.Follow || d.Buffer != 16<<20 || d.Memory != 256<<20 {
		t.Errorf("%+v", d)
	}
}

// What flags and variables give is read as the file is.
func TestLoadsFromOutside(t *testing.T) {
	c, err := Parse("c.yaml", []byte(oneFE),
		Override{"load.listen", "127.0.0.1:8031,unix:/x.sock", "--load-listen"}, Override{"load.nodes", "be-1:8040,be-2", "SEGUE_LOAD_NODES"},
		Override{"load.addresses", "be-1=192.0.2.1,be-2:8040=192.0.2.2:31040", "SEGUE_LOAD_ADDRESSES"})
	if err != nil {
		t.Fatal(err)
	}
	if l := c.Loads; len(l.Listen) != 2 || len(l.Nodes) != 2 || l.Addresses["be-1"] != "192.0.2.1" || l.Addresses["be-2:8040"] != "192.0.2.2:31040" {
		t.Errorf("%+v", l)
	}
	got := strings.Join(problemsOf(t, oneFE, Override{"load.addresses", "be-1", "--load-addresses"}), "\n")
	if !strings.Contains(got, `--load-addresses: load.addresses: "be-1" has no =; write NAME=ADDRESS`) {
		t.Error(got)
	}
}

func TestLoadProblems(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{oneFE + "load: {listen: 8030}\n", `2:16: load.listen: "8030" is only a port; did you mean "127.0.0.1:8030"?`},
		{oneFE + "load: {listen: /run/x.sock}\n", `2:16: load.listen: "/run/x.sock" is not host:port; did you mean "unix:/run/x.sock"? a socket is written as in unix:/run/segue/load.sock`},
		{oneFE + "load: {listen: []}\n", "2:16: load.listen is an empty list; name an address, for example 127.0.0.1:8030"},
		{oneFE + "load: {listen: [a:1, a:2, a:3, a:4, a:5], nodes: x}\n", "2:16: load.listen has 5 addresses; it may have 4"},
		{oneFE + "load: {listen: [a:1, a:1], nodes: x}\n", "2:22: load.listen has the address a:1 twice; keep one"},
		{oneFE + "load: {listen: 127.0.0.1:9030, nodes: x}\n", "2:16: load.listen (127.0.0.1:9030) and listen (127.0.0.1:9030) are the same address; choose another port for one of them: MySQL and HTTP are not told apart on one"},
		{oneFE + "load: {listen: ':9131', nodes: x}\n", "2:16: load.listen (:9131) and admin (127.0.0.1:9131) are the same address; choose another port for one of them"},
		{"backends: [127.0.0.1:9031]\nload: {listen: ':8030', nodes: x}\n", "2:16: load.listen (:8030) is the HTTP address of backend 127.0.0.1 (127.0.0.1:8030); choose another port, for example load.listen: 127.0.0.1:8031"},
		{"backends: [a:4000]\nflavor: tidb\nload: {listen: ':8030'}\n", "3:16: load.listen, and tidb has no Stream Load; take it out; it is for starrocks and doris"},
		{oneFE + "load: {buffer: 2GiB}\n", "2:16: load.buffer (2GiB) is more than load.memory (256MiB); load.memory is for all loads together: make it as large at least"},
		{oneFE + "load: {memory: 1KiB, buffer: 0KiB}\n", "2:16: load.memory is 1KiB; write 1MiB or more"},
		{oneFE + "load: {nodes: ['http://be:8040']}\n", `2:16: load.nodes: "http://be:8040" is a URL; did you mean "be:8040"?; "*" is any`},
		{oneFE + "load: {addresses: be}\n", `2:19: load.addresses is the value "be"; write {NAME: ADDRESS}, as in {be-0.internal: 10.0.0.5:31040}`},
		{oneFE + "load: {addresses: [be]}\n", `2:20: load.addresses: "be" has no =; write NAME=ADDRESS, as in be-0.internal=10.0.0.5:31040`},
		{oneFE + "load: {addresses: [{be: a}]}\n", `2:20: an entry of load.addresses is a set of keys; write NAME=ADDRESS, as in be-0.internal=10.0.0.5:31040`},
		{oneFE + "load: {addresses: {be: [x]}}\n", `2:24: an entry of load.addresses is a list; write NAME: ADDRESS, as in be-0.internal: 10.0.0.5:31040`},
		{oneFE + "load: {addresses: {be: 'x:0'}}\n", `2:24: load.addresses: "x:0": port 0 is out of range; write a number from 1 to 65535; it is where the BE or CN is reached from here`},
		{oneFE + "load: {addresses: {'b e': x}}\n", `2:20: load.addresses: "b e" is not host:port; write it as in be-1.example:8040; it is what the FEs call the BE or CN`},
		{oneFE + "load: {addresses: {be: x, BE: y}}\n", `2:27: load.addresses has "BE" twice; keep one`},
		{oneFE + "load: {connections: 0}\n", "2:21: load.connections is 0; write a whole number from 1 to 1000000"},
		{oneFE + "load: {follows: true}\n", `2:8: unknown key "follows" in load; did you mean "follow"?`},
	} {
		if got := strings.Join(problemsOf(t, c.text), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%s got  %s\nwant %s", c.text, got, c.want)
		}
	}
	for text, want := range map[string]string{
		"load: {listen: a:1}\n":             "no account that may ask",
		"load: {listen: a:1, nodes: '*'}\n": "gets the loads",
	} {
		if c := mustParse(t, oneFE+text); len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].What, want) {
			t.Errorf("%s: %v", text, c.Warnings)
		}
	}
}

// Every key of the section takes effect with a reload, and is told.
func TestDiffOfLoads(t *testing.T) {
	got := Diff(mustParse(t, oneFE+"load: {nodes: x}\n"), mustParse(t, oneFE+`load: {listen: a:1, follow: false, buffer: 1MiB, memory: 2MiB, connections: 1, progress: 1s, header: 1s, nodes: y, addresses: {a: b}}`))
	want := []string{
		"load.listen: nowhere -> a:1", "load.follow: true -> false", "load.buffer: 16MiB -> 1MiB", "load.memory: 256MiB -> 2MiB", "load.connections: 4096 -> 1",
		"load.progress: 5m0s -> 1s", "load.header: 10s -> 1s", "load.nodes: x -> y", "load.addresses: 0 entries -> 1 entries",
	}
	if !slices.Equal(got.Lines, want) || len(got.Restart) > 0 {
		t.Errorf("got  %q, restart %q\nwant %q", got.Lines, got.Restart, want)
	}
}

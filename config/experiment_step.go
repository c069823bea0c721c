package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"segue/bench/experiment"
)

// process reads one process.
func (p *parser) process(n *yaml.Node, path string) experiment.Process {
	var out experiment.Process
	p.mapping(n, path, []key{
		{name: "name", read: p.text(&out.Name)},
		{name: "run", read: p.text(&out.Run)},
		{name: "ready", read: p.condition(&out.Ready, false)},
	})
	if n.Kind == yaml.MappingNode && (out.Name == "" || out.Run == "") {
		p.report(n, path+" has no name or nothing to run", "write name: … and run: …")
	}
	return out
}

// step reads one step: one action at most, and a mark.
func (p *parser) step(n *yaml.Node, path string) experiment.Step {
	out := experiment.Step{Line: n.Line, Timeout: experiment.DefaultTimeout}
	var actions []string
	act := func(name string, do experiment.Action, read func(*yaml.Node)) key {
		return key{name: name, read: func(n *yaml.Node) {
			actions = append(actions, name)
			out.Do = do
			read(n)
		}}
	}
	p.mapping(n, path, []key{
		{name: "mark", read: p.text(&out.Mark)},
		act("run", experiment.Run, p.text(&out.Command)),
		act("wait", experiment.Wait, p.condition(&out.Wait, true)),
		act("sleep", experiment.Sleep, p.duration(&out.Sleep, 1)),
		act("start", experiment.Start, p.text(&out.Process)),
		act("signal", experiment.Signal, p.signal(&out)),
		{name: "timeout", read: p.duration(&out.Timeout, 1)},
	})
	switch {
	case n.Kind != yaml.MappingNode:
	case len(actions) > 1:
		p.report(n, path+" does several things: "+strings.Join(actions, ", "), "write a step for each")
	case len(actions) == 0 && out.Mark == "" && len(n.Content) > 0:
		p.report(n, path+" does nothing", "give it mark, run, wait, sleep, start or signal")
	case p.where[path+".timeout"] != nil && !slices.Contains([]experiment.Action{experiment.Run, experiment.Wait, experiment.Start}, out.Do):
		p.report(p.where[path+".timeout"], path+" has a timeout and nothing that takes time", "take it out; run, wait and start have one")
	}
	return out
}

// signal reads {process: NAME, signal: NAME}.
func (p *parser) signal(into *experiment.Step) func(*yaml.Node) {
	return func(n *yaml.Node) {
		path := p.key(n)
		p.mapping(n, path, []key{
			{name: "process", read: p.text(&into.Process)},
			{name: "signal", read: p.oneOf(&into.Signal, slices.Sorted(maps.Keys(experiment.Signals()))...)},
		})
		if n.Kind == yaml.MappingNode && (p.where[path+".process"] == nil || p.where[path+".signal"] == nil) {
			p.report(n, path+" lacks its process or its signal", "write {process: NAME, signal: TERM}")
		}
	}
}

// condition reads what is to be waited for: one of its keys. Only a step can wait
// for an exit.
func (p *parser) condition(into *experiment.Condition, step bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		path := p.key(n)
		keys := []key{
			{name: "url", read: p.webAddress(&into.URL)},
			{name: "status", read: p.count(&into.Status, 599)},
			{name: "listens", read: p.reachable(&into.Listens)},
			{name: "refuses", read: p.reachable(&into.Refuses)},
			{name: "command", read: p.text(&into.Command)},
		}
		if step {
			keys = append(keys, key{name: "exits", read: p.text(&into.Exits)})
		}
		p.mapping(n, path, keys)
		if n.Kind != yaml.MappingNode {
			return
		}
		given := 0
		for _, k := range keys {
			if k.name != "status" && p.where[path+"."+k.name] != nil {
				given++
			}
		}
		switch {
		case given != 1:
			p.report(n, path+" names "+strconv.Itoa(given)+" conditions", "write one of url, listens, refuses, command or exits")
		case into.URL != "" && into.Status == 0:
			into.Status = 200
		case into.URL == "" && into.Status != 0:
			p.report(n, path+" has a status and no url", "add url: http://…")
		}
	}
}

func (p *parser) webAddress(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if !p.scalar(n) {
			return
		}
		u, err := url.Parse(n.Value)
		if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
			p.report(n, fmt.Sprintf("%s: %q is not a URL", p.key(n), shorten(n.Value)), "write http://HOST:PORT/PATH")
			return
		}
		*into = n.Value
	}
}

// reachable reads a HOST:PORT to connect to.
func (p *parser) reachable(into *string) func(*yaml.Node) {
	return p.address(into, "127.0.0.1:9030", 1)
}

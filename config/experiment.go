package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"segue/bench/experiment"
	"segue/bench/measure"
)

// LoadExperiment reads the file of `segue bench --experiment`, and returns it or
// *Problems. It is as strict as Load.
func LoadExperiment(path string) (*experiment.Experiment, error) {
	data, err := new(reader).config(path)
	if problems, ok := errors.AsType[*Problems](err); ok {
		problems.List[0].Remedy = "name an existing file with --experiment"
	}
	if err != nil {
		return nil, err
	}
	return ParseExperiment(path, data)
}

// ParseExperiment is LoadExperiment with the bytes at hand. Commands run in the
// folder of name.
func ParseExperiment(name string, data []byte) (*experiment.Experiment, error) {
	p := newParser(name, new(reader))
	if len(data) > MaxFileSize {
		return nil, &Problems{List: []Problem{tooLarge(name)}}
	}
	e := &experiment.Experiment{Load: measure.DefaultLoad(), Dir: filepath.Dir(name)}
	p.readFile(data, p.experiment(e))
	if !p.broken {
		p.checkExperiment(e)
	}
	if len(p.problems) > 0 {
		return nil, (&Problems{List: p.problems}).sorted()
	}
	if e.Name == "" {
		e.Name = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	}
	return e, nil
}

// experiment is every key of the file with its reader.
func (p *parser) experiment(e *experiment.Experiment) []key {
	load := []key{
		{name: "rate", read: p.perSecond(&e.Load.Rate)},
		{name: "txn_hold", read: p.duration(&e.Load.TxnHold, 1)},
		{name: "slow_for", read: p.duration(&e.Load.SlowFor, 1)},
		{name: "idle_for", read: p.duration(&e.Load.IdleFor, 1)},
		{name: "timeout", read: p.duration(&e.Load.Timeout, 1)},
		{name: "load_every", read: p.duration(&e.Load.Stream.Every, 1)},
		{name: "load_timeout", read: p.duration(&e.Load.Stream.Timeout, 1)},
		{name: "load_for", read: p.duration(&e.Load.Stream.For, 0)},
		{name: "load_rows", read: p.count(&e.Load.Stream.Rows, 1_000_000)},
		{name: "load_size", read: p.size(&e.Load.Stream.Size, 1)},
		{name: "load_retry", read: p.number(&e.Load.Stream.Retry, 0, 1000)},
		{name: "load_no_label", read: func(n *yaml.Node) { p.truth(n, &e.Load.Stream.NoLabel) }},
		{name: "load_chunked", read: func(n *yaml.Node) { p.truth(n, &e.Load.Stream.Chunked) }},
		{name: "no_writes", read: func(n *yaml.Node) { p.truth(n, &e.Load.NoWrites) }},
	}
	for _, c := range measure.Classes() {
		load = append(load, key{name: c.Flag(), read: p.clients(&e.Load.Clients[c])})
	}
	return []key{
		{name: "name", read: p.text(&e.Name)},
		{name: "dsn", read: p.text(&e.DSN)},
		{name: "members", read: p.list("members", func(n *yaml.Node, _ string) {
			if p.scalar(n) {
				e.Members = append(e.Members, n.Value)
			}
		})},
		{name: "flavor", read: p.text(&e.Flavor)},
		{name: "load", keys: load},
		{name: "processes", read: p.list("processes", func(n *yaml.Node, path string) {
			e.Processes = append(e.Processes, p.process(n, path))
		})},
		{name: "steps", read: p.list("steps", func(n *yaml.Node, path string) {
			e.Steps = append(e.Steps, p.step(n, path))
		})},
	}
}

// list reads a list, item by item.
func (p *parser) list(name string, item func(n *yaml.Node, path string)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			p.report(n, name+" is "+kindOf(n)+", not a list", "write `- …` lines below it")
			return
		}
		for i, content := range n.Content {
			path := fmt.Sprintf("%s[%d]", name, i)
			if content.Kind == yaml.AliasNode {
				p.report(content, path+" is a YAML alias", "write it out")
				continue
			}
			item(content, path)
		}
	}
}

// clients reads a number of clients; none is one, too.
func (p *parser) clients(into *int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		number, err := strconv.Atoi(n.Value)
		if p.scalar(n) && (err != nil || number < 0 || number > 20_000) {
			p.report(n, fmt.Sprintf("%s: %q is no number of clients", p.key(n), shorten(n.Value)), "write a whole number from 0 to 20000")
			return
		}
		*into = number
	}
}

// perSecond reads a rate above zero.
func (p *parser) perSecond(into *float64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		rate, err := strconv.ParseFloat(n.Value, 64)
		if p.scalar(n) && (err != nil || !(rate > 0 && rate <= 1e6)) {
			p.report(n, fmt.Sprintf("%s: %q is no rate", p.key(n), shorten(n.Value)), "write arrivals per second, above 0 and at most a million")
			return
		}
		*into = rate
	}
}

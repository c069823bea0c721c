package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// part is one kind of measurement, and what it chooses where the flags say nothing.
type part struct {
	name     string
	run      func(p *plan, ctx context.Context) (outcome, error)
	rounds   int
	fronts   []string
	conns    []int
	backends []int
}

// outcome is what came of a part.
type outcome struct {
	figures  any
	text     string            // its tables, in Markdown
	pictures map[string]string // SVG, by file name
}

func parts() []part {
	all := []string{"direct", "haproxy", "haproxy-again", "haproxy-2", "haproxy-large", "segue", "segue-2", "segue-default"}
	return []part{
		{name: "statements", run: (*plan).statements, rounds: 10, fronts: all, conns: []int{1, 16, 64, 512}},
		{name: "sockets", run: (*plan).sockets, rounds: 10, fronts: []string{"haproxy", "haproxy-again", "haproxy-unix", "segue", "segue-unix"}, conns: []int{1, 16, 64}},
		{name: "visits", run: (*plan).visits, rounds: 10, fronts: all, conns: []int{16}},
		{name: "paced", run: (*plan).paced, rounds: 10, fronts: []string{"haproxy", "haproxy-again", "segue", "segue-default"}, conns: []int{16, 64}},
		{name: "leave", run: (*plan).leave, rounds: 3, fronts: []string{"segue", "segue-default"}, conns: []int{9800}},
		{name: "memory", run: (*plan).memory, rounds: 2, fronts: []string{"haproxy", "segue"}, conns: []int{9800}},
		{name: "loads", run: (*plan).loads, rounds: 5, fronts: []string{"direct", "haproxy-tcp", "haproxy-http", "nginx", "nginx-operator", "segue"}, conns: []int{1000}},
		{name: "idle", run: (*plan).idle, rounds: 5, fronts: []string{"haproxy", "segue"}, backends: []int{3, 100}},
		{name: "calls", run: (*plan).calls, rounds: 5, fronts: []string{"haproxy", "segue"}, conns: []int{1, 16, 64}},
		{name: "growth", run: (*plan).growth, rounds: 2, fronts: []string{"haproxy", "segue"}, conns: []int{100, 300, 1000, 3000, 9800}, backends: []int{3, 10, 30, 100}},
		{name: "sysbench", run: (*plan).sysbench, rounds: 4, fronts: []string{"direct", "haproxy", "haproxy-2", "segue", "segue-2"}, conns: []int{1, 16, 64}},
	}
}

func partNames() (names []string) {
	for _, part := range parts() {
		names = append(names, part.name)
	}
	return names
}

// of is the plan for one part: what the flags leave open is the part's choice.
func (p *plan) of(part part) *plan {
	mine := *p
	if mine.rounds == 0 {
		mine.rounds = part.rounds
	}
	if len(mine.fronts) == 0 {
		mine.fronts = part.fronts
	}
	if len(mine.conns) == 0 {
		mine.conns = part.conns
	}
	if len(mine.backends) == 0 {
		mine.backends = part.backends
	}
	return &mine
}

func (p *plan) run(ctx context.Context) error {
	stop, err := p.servers(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if err := p.keep("machine", outcome{text: machine(ctx, p.segue)}); err != nil {
		return err
	}
	for _, part := range parts() {
		if !slices.Contains(p.parts, part.name) {
			continue
		}
		mine := p.of(part)
		o, err := part.run(mine, ctx)
		p.tell.clear()
		if ctx.Err() != nil {
			return context.Cause(ctx) // what else is wrong comes of it
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		o.text = strings.TrimRight(o.text, "\n") + fmt.Sprintf("\n\n%s, rounds: %d.\n", time.Now().Format(time.DateOnly), mine.rounds)
		fmt.Printf("%s\n", o.text)
		if err := p.keep(part.name, o); err != nil {
			return err
		}
	}
	return nil
}

// keep writes what came of a part to files, and into the document if that is wanted.
func (p *plan) keep(name string, o outcome) error {
	files := map[string]string{name + ".md": o.text}
	if o.figures != nil {
		data, err := json.MarshalIndent(o.figures, "", " ")
		if err != nil {
			return err
		}
		files[name+".json"] = string(data)
	}
	for file, picture := range o.pictures {
		files[file] = picture
		if p.write == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(p.write), "speed", file), []byte(picture), 0o644); err != nil {
			return err
		}
	}
	for file, content := range files {
		if err := os.WriteFile(filepath.Join(p.out, file), []byte(content), 0o644); err != nil {
			return err
		}
	}
	if p.write == "" {
		return nil
	}
	return spliceFile(p.write, name, o.text)
}

// open starts the plan's fronts. Whoever opens them closes them.
func (p *plan) open(ctx context.Context, backends []address) (fronts []*front, closeAll func(), err error) {
	closeAll = func() {
		for _, f := range fronts {
			f.stop()
		}
	}
	if slices.Contains(p.fronts, "direct") {
		fronts = append(fronts, &front{name: "direct", at: backends[0].Address})
	}
	for _, k := range p.kinds() {
		f, err := k.start(ctx, p.out, backends)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		fronts = append(fronts, f)
	}
	return fronts, closeAll, nil
}

// kinds are the plan's fronts that are processes.
func (p *plan) kinds() []kind {
	return slices.DeleteFunc(proxied(p.segue, p.other), func(k kind) bool { return !slices.Contains(p.fronts, k.name) })
}

// frontNames are those of all fronts there can be.
func frontNames() []string {
	names := frontsOf("statements")
	for _, name := range frontsOf("loads") {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// frontsOf are the names of the fronts that a part can have.
func frontsOf(part string) []string {
	kinds := proxied("", "")
	if part == "loads" {
		kinds = loadFronts("", "", "")
	}
	names := []string{"direct"}
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

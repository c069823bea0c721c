package config

import (
	"fmt"
	"slices"
	"strings"

	"segue/bench/experiment"
	"segue/bench/measure"
)

// checkExperiment checks the values against each other.
func (p *parser) checkExperiment(e *experiment.Experiment) {
	if p.where["steps"] == nil {
		p.report(nil, "the experiment has no steps", "add steps: with `- mark: …`, `- run: …`, `- wait: …` lines below it")
	}
	if e.Flavor != "" {
		if _, err := measure.ParseFlavor(e.Flavor); err != nil {
			p.report(p.where["flavor"], err.Error(), "")
		}
	}
	if err := e.Load.Validate(); err != nil && len(p.problems) == 0 {
		p.report(p.where["load"], err.Error(), "")
	}
	p.checkNames(e)
}

// checkNames looks whether processes are named once, and steps name such as are.
func (p *parser) checkNames(e *experiment.Experiment) {
	var names []string
	for i, process := range e.Processes {
		if n := p.where[fmt.Sprintf("processes[%d].name", i)]; n != nil && slices.Contains(names, process.Name) {
			p.report(n, fmt.Sprintf("there is a process %q already", shorten(process.Name)), "give each a name of its own")
		}
		names = append(names, process.Name)
	}
	for i, step := range e.Steps {
		for _, of := range []struct{ key, name string }{
			{"start", step.Process}, {"signal.process", step.Process}, {"wait.exits", step.Wait.Exits},
		} {
			n := p.where[fmt.Sprintf("steps[%d].%s", i, of.key)]
			if n == nil || of.name == "" || slices.Contains(names, of.name) {
				continue
			}
			remedy := "processes are: " + strings.Join(names, ", ")
			if near := Nearest(of.name, names); near != "" {
				remedy = fmt.Sprintf("did you mean %q?", near)
			}
			p.report(n, fmt.Sprintf("there is no process %q", shorten(of.name)), remedy)
		}
	}
}

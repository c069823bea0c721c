package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"segue/bench/measure"
	"segue/bench/report"
)

// series is one experiment on one kind of servers, through all fronts.
type series struct{ experiment, server string }

func (s series) String() string { return s.experiment + "-" + s.server }

func experiments() []string {
	return []string{"rolling", "kill", "hang", "refuse", "all-down", "restart"}
}

func servers() []string { return []string{"fe", "mariadb", "tidb"} }

func fronts() []string {
	return []string{"direct", "dns", "haproxy-cloud", "haproxy-tuned", "nginx", "segue"}
}

// fronts are those that the experiment has: where there is none, none can be restarted.
func (s series) fronts() []string {
	if !s.summarized() {
		return loadFronts()
	}
	if s.experiment == "restart" {
		return fronts()[2:]
	}
	return fronts()
}

func allSeries() []series {
	var all []series
	for _, experiment := range experiments() {
		for _, server := range servers() {
			all = append(all, series{experiment, server})
		}
	}
	for _, experiment := range loadExperiments() {
		all = append(all, series{experiment, "cluster"})
	}
	return all
}

// loadExperiments are those with Stream Loads, on FEs and BEs.
func loadExperiments() []string {
	return []string{"load-upgrade", "load-upgrade-retry", "load-upgrade-again", "load-kill", "load-kill-retry", "load-kill-again"}
}

// summarized tells whether it has a place in the short table.
func (s series) summarized() bool { return !slices.Contains(loadExperiments(), s.experiment) }

func loadFronts() []string {
	return []string{"direct", "haproxy-cloud", "nginx-operator", "segue-unkept", "segue"}
}

// section is a series as it stands in a document.
func section(runs []*measure.Result, machines, loads []string) string {
	var days, versions, tools []string
	for _, r := range runs {
		version, _, _ := strings.Cut(r.Server, " (") // what follows is a licence
		days, versions, tools = append(days, r.Started.Format("2 January 2006")), append(versions, version), append(tools, r.Tool)
	}
	ours := runs[len(runs)-1]
	return fmt.Sprintf("%s\nErrors through `%s`: %s. Servers: %s. %s, on %s, load %s before each (%s).\n",
		report.Markdown(runs), ours.Name, report.FaultList(ours),
		list(versions), list(days), list(machines), span(loads), list(withoutMeasured(tools)))
}

// withoutMeasured takes off what only a run through Segue has to say.
func withoutMeasured(tools []string) []string {
	for i, tool := range tools {
		tools[i], _, _ = strings.Cut(tool, "; ")
	}
	return tools
}

// span is the least and the greatest of some load averages.
func span(loads []string) string {
	var all []float64
	for _, text := range loads {
		if load, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil {
			all = append(all, load)
		}
	}
	if len(all) == 0 {
		return "not noted"
	}
	return fmt.Sprintf("%.1f to %.1f", slices.Min(all), slices.Max(all))
}

// list names each text once.
func list(texts []string) string { return strings.Join(distinct(texts), " and ") }

// distinct has each text once, without the space around it.
func distinct(texts []string) []string {
	var list []string
	for _, text := range texts {
		if text = strings.TrimSpace(text); !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// splice replaces what stands between the markers of a name.
func splice(doc, name, text string) (string, error) {
	begin := "<!-- begin " + name + " -->\n"
	before, rest, found := strings.Cut(doc, begin)
	_, after, ended := strings.Cut(rest, "<!-- end -->")
	if !found || !ended {
		return "", fmt.Errorf("no %q with its <!-- end --> behind it", strings.TrimSpace(begin))
	}
	return before + begin + text + "<!-- end -->" + after, nil
}

// summary is how many errors clients saw in each experiment through each front, as the tables of a document say it.
func summary(doc string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "| | `%s` |\n|---|%s\n", strings.Join(fronts(), "` | `"), strings.Repeat("---:|", len(fronts())))
	for _, experiment := range experiments() {
		cells := map[string][]string{}
		for _, server := range servers() {
			errors, err := errorsOf(doc, series{experiment, server})
			if err != nil {
				return "", err
			}
			for _, front := range fronts() {
				figure, there := errors[front]
				if !there {
					figure = "–"
				}
				cells[front] = append(cells[front], figure)
			}
		}
		fmt.Fprintf(&b, "| `%s` |", experiment)
		for _, front := range fronts() {
			fmt.Fprintf(&b, " %s |", strings.Join(cells[front], " · "))
		}
		fmt.Fprintln(&b)
	}
	return b.String(), nil
}

// errorsOf reads a table: by front, how many errors clients saw.
func errorsOf(doc string, s series) (map[string]string, error) {
	_, rest, found := strings.Cut(doc, "<!-- begin "+s.String()+" -->\n")
	table, _, ended := strings.Cut(rest, "<!-- end -->")
	if !found || !ended {
		return nil, fmt.Errorf("no table of %s", s)
	}
	errors, head := map[string]string{}, []string(nil)
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		if head == nil {
			head = cells
		}
		if cells[0] == "errors a client saw" && len(cells) == len(head) {
			for i, name := range head[1:] {
				errors[name] = cells[i+1]
			}
		}
	}
	return errors, nil
}

var picture = regexp.MustCompile(`!\[[^]]*\]\(([^)]+\.svg)\)`)

// pictures are the files of the pictures that a document shows.
func pictures(doc string) []string {
	var files []string
	for _, match := range picture.FindAllStringSubmatch(doc, -1) {
		files = append(files, match[1])
	}
	return files
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// poolFronts are the fronts of pool/pool.sh, in the order of the table, and what that calls them.
var poolFronts = [][2]string{{"jdbc-loadbalance", "jdbc:mysql:loadbalance"}, {"haproxy-tuned", "haproxy-tuned"}, {"segue", "segue"}}

// poolExperiments are those of pool/pool.sh.
var poolExperiments = []string{"rolling", "kill", "hang", "refuse", "all-down"}

// splicePool puts what pool/pool.sh has left in a directory, if it has, into a document.
func splicePool(doc, dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "results.tsv"))
	if errors.Is(err, fs.ErrNotExist) {
		return doc, nil
	}
	if err != nil {
		return "", err
	}
	table, missing, err := poolTable(string(text))
	switch {
	case err != nil:
		return "", fmt.Errorf("results.tsv: %w", err)
	case len(missing) > 0:
		fmt.Printf("pool: no result of %v, its table stays as it is\n", missing)
		return doc, nil
	}
	if machine, err := os.ReadFile(filepath.Join(dir, "machine")); err == nil {
		table += strings.TrimSpace(string(machine)) + ".\n"
	}
	fmt.Printf("pool: in %s\n", whole)
	return splice(doc, "pool", table)
}

// poolTable is the table of the lines of results.tsv, of which the last of its experiment and front counts. missing is what it has none of.
func poolTable(text string) (table string, missing []string, err error) {
	cells, loads := map[string]string{}, map[string]string{}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		var requests, reads, transactions int
		var longest float64
		if len(fields) < 6 {
			return "", nil, fmt.Errorf("a line of %d fields", len(fields))
		}
		if _, err := fmt.Sscanf(strings.Join(fields[2:6], " "), "%d requests %d reads failed %d transactions failed longest %f ms", &requests, &reads, &transactions, &longest); err != nil {
			return "", nil, fmt.Errorf("%s, %s: %w", fields[0], fields[1], err)
		}
		key := fields[0] + " " + fields[1]
		cells[key] = fmt.Sprintf("%d + %d, %.1f s", reads, transactions, longest/1000)
		loads[key] = strings.TrimPrefix(fields[len(fields)-1], "load ")
	}
	var b strings.Builder
	b.WriteString("| |")
	for _, front := range poolFronts {
		fmt.Fprintf(&b, " `%s` |", front[1])
	}
	fmt.Fprintf(&b, "\n|---|%s\n", strings.Repeat("---:|", len(poolFronts)))
	var busy []string
	for _, experiment := range poolExperiments {
		fmt.Fprintf(&b, "| `%s` |", experiment)
		for _, front := range poolFronts {
			key := experiment + " " + front[0]
			if cells[key] == "" {
				missing = append(missing, key)
			}
			fmt.Fprintf(&b, " %s |", cells[key])
			busy = append(busy, loads[key])
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\nErrors of `SELECT`s + of transactions, and the longest request. One run each, load %s before each. ", span(busy))
	return b.String(), missing, nil
}

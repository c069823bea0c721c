package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// test is one of sysbench's tests, as it is called in the tables.
type test struct {
	name    string
	script  string
	threads []int // none: the plan's
	prepare bool
}

func tests() []test {
	return []test{
		{"point select, text", "oltp_point_select", nil, false},
		{"point select, prepared", "oltp_point_select", nil, true},
		{"read only, text", "oltp_read_only", []int{16}, false},
	}
}

// sysbenchRows is how many rows the table has: it is in memory.
const sysbenchRows = 10000

// sysbench measures sysbench's statements on a MariaDB.
func (p *plan) sysbench(ctx context.Context) (outcome, error) {
	p.tell.step("sysbench: start MariaDB, make a table of %d rows", sysbenchRows)
	m, err := startMariadb(ctx)
	if err != nil {
		return outcome{}, err
	}
	defer m.stop()
	if _, err := sysbench(ctx, at(mariadbPort), "oltp_point_select", "prepare"); err != nil {
		return outcome{}, err
	}
	fronts, closeAll, err := p.open(ctx, []address{m.address()})
	if err != nil {
		return outcome{}, err
	}
	defer closeAll()
	var cells []*cell
	for _, r := range tests() {
		threads := r.threads
		if threads == nil {
			threads = p.conns
		}
		for _, n := range threads {
			c := &cell{Workload: r.name, Conns: n}
			if err := p.interleave(ctx, c, fronts, func(f *front) (measured, error) { return r.through(ctx, f, n, p.round) }); err != nil {
				return outcome{}, err
			}
			cells = append(cells, c)
		}
	}
	return outcome{figures: cells, text: tables(cells, fronts, sysbenchFigures())}, nil
}

// sysbenchFigures are what is shown of it. An event is a query, or a transaction of oltp_read_only.
func sysbenchFigures() []figure {
	return []figure{
		{"CPU per query", "µs", cpuOf, true},
		{"queries per second", "", rateOf, false},
		{"mean time of an event", "ms", func(s sample) float64 { return s.Mean.Seconds() * 1000 }, false},
		{"p95 time of an event", "ms", func(s sample) float64 { return s.P95.Seconds() * 1000 }, false},
		{"p99 time of an event", "ms", func(s sample) float64 { return s.P99.Seconds() * 1000 }, false},
	}
}

// through runs it once through a front.
func (r *test) through(ctx context.Context, f *front, threads int, d time.Duration) (measured, error) {
	mode := "disable"
	if r.prepare {
		mode = "auto"
	}
	out, err := sysbench(ctx, f.at, r.script, "run", "--db-ps-mode="+mode, fmt.Sprintf("--threads=%d", threads),
		fmt.Sprintf("--time=%d", int(math.Ceil(d.Seconds()))), "--histogram")
	if err != nil {
		return measured{}, err
	}
	return sysbenchResult(out)
}

// sysbench runs it, and returns what it prints.
func sysbench(ctx context.Context, to netip.AddrPort, script, command string, options ...string) (string, error) {
	argv := append([]string{
		script, "--db-driver=mysql", "--mysql-host=" + to.Addr().String(), fmt.Sprintf("--mysql-port=%d", to.Port()), "--mysql-user=" + user,
		"--mysql-password=" + password, "--mysql-db=sbtest", "--mysql-ssl=off", "--tables=1", fmt.Sprintf("--table-size=%d", sysbenchRows),
	}, append(options, command)...)
	cmd := exec.CommandContext(ctx, "sysbench", argv...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("sysbench %s %s: %w\n%s", script, command, err, out)
	}
	return string(out), nil
}

var (
	total     = regexp.MustCompile(`(?m)^\s+total:\s+(\d+)$`)
	totalTime = regexp.MustCompile(`(?m)^\s+total time:\s+([\d.]+)s$`)
	ignored   = regexp.MustCompile(`(?m)^\s+ignored errors:\s+(\d+)`)
	bucket    = regexp.MustCompile(`(?m)^\s+([\d.]+) \|\**\s*(\d+)$`)
)

// sysbenchResult reads sysbench's report: queries, how long they took all together, and how long events took (a query, or a transaction of
// oltp_read_only), from its histogram.
func sysbenchResult(report string) (measured, error) {
	queries, took := total.FindStringSubmatch(report), totalTime.FindStringSubmatch(report)
	if queries == nil || took == nil {
		return measured{}, errors.New("sysbench's report has no total:\n" + report)
	}
	if failed := ignored.FindStringSubmatch(report); failed != nil && failed[1] != "0" {
		return measured{}, fmt.Errorf("sysbench had %s errors", failed[1])
	}
	var m measured
	m.statements, _ = strconv.Atoi(queries[1]) // digits
	seconds, err := strconv.ParseFloat(took[1], 64)
	if err != nil {
		return m, err
	}
	m.took = time.Duration(seconds * float64(time.Second))
	for _, b := range bucket.FindAllStringSubmatch(report, -1) {
		ms, err := strconv.ParseFloat(strings.TrimSpace(b[1]), 64)
		if err != nil {
			return m, err
		}
		n, _ := strconv.Atoi(b[2]) // digits
		for range n {
			m.latency = append(m.latency, time.Duration(ms*float64(time.Millisecond)))
		}
	}
	return m, nil
}

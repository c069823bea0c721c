package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// called is how many system calls of each name a front made for one statement.
type called struct {
	Front  string
	Conns  int
	Rounds []map[string]float64 // calls per statement, by name
}

// callsRound is how long strace is attached.
const callsRound = 2 * time.Second

// calls counts system calls per small statement.
func (p *plan) calls(ctx context.Context) (outcome, error) {
	fronts, closeAll, err := p.open(ctx, p.addresses(1))
	if err != nil {
		return outcome{}, err
	}
	defer closeAll()
	var all []called
	for _, f := range fronts {
		if f.cmd == nil {
			continue
		}
		for _, n := range p.conns {
			p.tell.step("system calls, %d connections, %s", n, f.name)
			c, err := p.count(ctx, f, n)
			if err != nil {
				return outcome{}, fmt.Errorf("%s: %w", f.name, err)
			}
			all = append(all, c)
		}
	}
	return outcome{figures: all, text: callsTable(all)}, nil
}

// count counts for one front at one number of connections.
func (p *plan) count(ctx context.Context, f *front, n int) (called, error) {
	c := called{Front: f.name, Conns: n}
	l, err := connect(f.to(), n, false)
	if err != nil {
		return c, err
	}
	defer l.close()
	small := workloads()[0]
	for round := range p.rounds {
		p.tell.within("system calls, %d connections, %s: round %d of %d", n, f.name, round+1, p.rounds)
		var m measured
		counts, err := traced(ctx, f.cmd.Process.Pid, filepath.Join(p.out, "strace.txt"), func() (err error) {
			m, err = l.saturate(&small, callsRound)
			return err
		})
		if err != nil {
			return c, err
		}
		each := map[string]float64{}
		for name, calls := range counts {
			each[name] = float64(calls) / float64(max(m.statements, 1))
		}
		c.Rounds = append(c.Rounds, each)
	}
	return c, nil
}

// traced runs do while strace counts the system calls of a process.
func traced(ctx context.Context, pid int, summary string, do func() error) (map[string]int, error) {
	cmd := exec.CommandContext(ctx, "strace", "-c", "-f", "-o", summary, "-p", strconv.Itoa(pid))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	words := bufio.NewReader(stderr)
	first, err := words.ReadString('\n')
	if err != nil || !strings.Contains(first, "attached") {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("strace: %s", strings.TrimSpace(first))
	}
	failed := do()
	_ = cmd.Process.Signal(syscall.SIGINT) // detach, and sum up
	_, _ = io.Copy(io.Discard, words)
	_ = cmd.Wait() // ends by the signal
	if failed != nil {
		return nil, failed
	}
	text, err := os.ReadFile(summary)
	if err != nil {
		return nil, err
	}
	return straceCounts(string(text)), nil
}

// straceCounts reads the table of strace -c: calls by name.
func straceCounts(text string) map[string]int {
	counts := map[string]int{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line) // % time, seconds, usecs/call, calls, maybe errors, name
		if len(f) < 5 || f[len(f)-1] == "total" {
			continue
		}
		if n, err := strconv.Atoi(f[3]); err == nil {
			counts[f[len(f)-1]] = n
		}
	}
	return counts
}

// callsTable has a column for each front and number of connections, and a row for each call that is made for a statement in a hundred or more.
func callsTable(all []called) string {
	medians := make([]map[string]float64, len(all))
	most := map[string]float64{}
	for i, c := range all {
		medians[i] = c.medians()
		for name, n := range medians[i] {
			most[name] = max(most[name], n)
		}
	}
	names := []string{}
	for name, n := range most {
		if n >= 0.01 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(most[b], most[a]), cmp.Compare(a, b)) })
	var b strings.Builder
	b.WriteString("| system calls per statement |")
	for _, c := range all {
		fmt.Fprintf(&b, " `%s`, %d conn. |", c.Front, c.Conns)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(all)) + "\n")
	for _, name := range names { // the first is the sum
		fmt.Fprintf(&b, "| %s |", name)
		for _, m := range medians {
			fmt.Fprintf(&b, " %.2f |", m[name])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// sum is the row of all calls together.
const sum = "all"

// medians are those of all rounds, by call, and of the sum.
func (c *called) medians() map[string]float64 {
	rounds := map[string][]float64{}
	for i, each := range c.Rounds {
		for name, n := range each {
			for len(rounds[name]) < i { // rounds without it
				rounds[name] = append(rounds[name], 0)
			}
			rounds[name] = append(rounds[name], n)
		}
		total := 0.0
		for _, n := range each {
			total += n
		}
		rounds[sum] = append(rounds[sum], total)
	}
	m := map[string]float64{}
	for name, all := range rounds {
		for len(all) < len(c.Rounds) {
			all = append(all, 0)
		}
		m[name] = spreadOf(all).median
	}
	return m
}

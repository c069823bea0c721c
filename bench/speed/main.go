package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "speed:", err)
		os.Exit(1)
	}
}

// plan is what is to be measured. Empty fields are a part's own choice.
type plan struct {
	rounds   int
	round    time.Duration
	parts    []string
	fronts   []string
	conns    []int
	backends []int
	only     string // the workload
	segue    string
	nginx    string // the program
	other    string // another build of it
	out      string // the folder for results
	write    string // the document to put them into; "": none
	tell     teller
}

// The ports, in a network namespace of their own: servers from serverPort on, their health URLs from healthPort on, fronts from frontPort on.
const (
	serverPort  = 21000
	healthPort  = 22000
	frontPort   = 23000
	controlPort = 20999
	mostServer  = 100
)

func at(port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
}

func run(ctx context.Context, args []string) error {
	p := plan{tell: newTeller(os.Stderr)}
	fs := flag.NewFlagSet("speed", flag.ContinueOnError)
	serve := fs.Bool("serve", false, "be the servers")
	parts := fs.String("parts", strings.Join(partNames(), ","), "what to measure")
	fronts := fs.String("fronts", "", "what to measure it through, of "+strings.Join(frontNames(), ", ")+"; ratios need haproxy among them; \"\": what the part is about")
	conns := fs.String("conns", "", "numbers of connections (memory, growth: of sessions; loads: at once; sysbench: of threads); \"\": the part's own")
	backends := fs.String("backends", "", "numbers of backends, for idle and growth; \"\": the part's own")
	fs.StringVar(&p.only, "only", "", "the one workload to measure: small, prepared, rows or bulk; of loads a word of its name")
	fs.IntVar(&p.rounds, "rounds", 0, "rounds of each measurement; 0: as many as a part takes about three minutes for, 10 for statements and visits")
	fs.DurationVar(&p.round, "round", time.Second, "length of a round of statements, visits and sysbench")
	fs.StringVar(&p.segue, "segue", "bin/segue", "the program")
	fs.StringVar(&p.other, "other", "", "another build of it, the front `other`: what a change costs, side by side")
	fs.StringVar(&p.nginx, "nginx", "nginx", "the `program` nginx, for loads")
	fs.StringVar(&p.out, "out", ".cache/speed", "folder for the results")
	write := fs.Bool("write", false, "put the results into bench/README.md, and their pictures beside this program's source")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	var err error
	if p.out, err = filepath.Abs(p.out); err != nil { // the paths of sockets in configurations
		return err
	}
	if *serve {
		return serveAll(ctx, p.out)
	}
	if *write {
		p.write = document
	}
	p.parts, p.fronts = words(*parts), words(*fronts)
	if p.conns, err = numbers("-conns", *conns); err != nil {
		return err
	}
	if p.backends, err = numbers("-backends", *backends); err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(p.out, 0o755); err != nil {
		return err
	}
	return p.run(ctx)
}

// check finds what is misspelt, before it is found missing at the end.
func (p *plan) check() error {
	for _, list := range []struct {
		flag       string
		got, known []string
	}{{"-parts", p.parts, partNames()}, {"-fronts", p.fronts, frontNames()}} {
		for _, name := range list.got {
			if !slices.Contains(list.known, name) {
				return fmt.Errorf("%s: there is no %q; there are %s", list.flag, name, strings.Join(list.known, ", "))
			}
		}
	}
	for _, part := range p.parts {
		known := frontsOf(part)
		if len(p.fronts) > 0 && !slices.ContainsFunc(p.fronts, func(name string) bool { return slices.Contains(known, name) }) {
			return fmt.Errorf("-fronts: %s has none of them; it has %s", part, strings.Join(known, ", "))
		}
	}
	for _, n := range p.backends {
		if n > mostServer {
			return fmt.Errorf("-backends: %d are more than the %d servers there are", n, mostServer)
		}
	}
	return nil
}

// words are those of a list with commas.
func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

// numbers are those of a flag.
func numbers(name, list string) (all []int, err error) {
	for _, w := range words(list) {
		n, err := strconv.Atoi(w)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s: %q is no number above 0", name, w)
		}
		all = append(all, n)
	}
	return all, nil
}

// servers starts that process.
func (p *plan) servers(ctx context.Context) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-serve", "-out", p.out)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	f := &front{name: "servers", at: at(serverPort)}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
	if err := f.ready(ctx); err != nil {
		stop()
		return nil, fmt.Errorf("servers: %w", err)
	}
	return stop, nil
}

// addresses are those of so many servers.
func (p *plan) addresses(n int) []address {
	var all []address
	for i := range n {
		all = append(all, address{fmt.Sprintf("s%d", i+1), at(serverPort + i), at(healthPort + i), ""})
	}
	all[0].Socket = socketPath(p.out, serverPort)
	return all
}

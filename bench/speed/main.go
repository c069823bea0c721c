package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
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

// plan is what is to be measured.
type plan struct {
	rounds int
	round  time.Duration
	parts  []string
	fronts []string
	conns  []int
	only   string // the workload
	segue  string
	other  string // another build of it
	out    string // the folder for results
}

// The ports, in a network namespace of their own: servers from serverPort on, their health URLs from healthPort on, fronts from frontPort on.
const (
	serverPort = 21000
	healthPort = 22000
	frontPort  = 23000
	mostServer = 100
)

func at(port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
}

func run(ctx context.Context, args []string) error {
	p := plan{}
	fs := flag.NewFlagSet("speed", flag.ContinueOnError)
	serve := fs.Bool("serve", false, "be the servers")
	parts := fs.String("parts", strings.Join(partNames(), ","), "what to measure")
	fronts := fs.String("fronts", "direct,haproxy,haproxy-2,haproxy-large,segue,segue-2", "what to measure it through; haproxy must be among them")
	conns := fs.String("conns", "1,16,64,512", "numbers of connections")
	fs.StringVar(&p.only, "only", "", "the one workload to measure: small, prepared, rows or bulk")
	fs.IntVar(&p.rounds, "rounds", 10, "rounds of each measurement")
	fs.DurationVar(&p.round, "round", time.Second, "length of a round")
	fs.StringVar(&p.segue, "segue", "bin/segue", "the program")
	fs.StringVar(&p.other, "other", "", "another build of it, the front `other`: what a change costs, side by side")
	fs.StringVar(&p.out, "out", ".cache/speed", "folder for the results")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *serve {
		return serveAll(ctx)
	}
	p.parts, p.fronts = strings.Split(*parts, ","), strings.Split(*fronts, ",")
	for _, n := range strings.Split(*conns, ",") {
		var c int
		if _, err := fmt.Sscan(n, &c); err != nil || c < 1 {
			return fmt.Errorf("-conns: %q is no number of connections", n)
		}
		p.conns = append(p.conns, c)
	}
	if err := os.MkdirAll(p.out, 0o755); err != nil {
		return err
	}
	return p.run(ctx)
}

// serveAll is the process of the servers.
func serveAll(ctx context.Context) error {
	for i := range mostServer {
		health := &http.Server{Addr: at(healthPort + i).String(), Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ReadHeaderTimeout: time.Second}
		go func() { _ = health.ListenAndServe() }() // ends with the process
	}
	s, err := newServer(at(serverPort), mostServer)
	if err != nil {
		return err
	}
	return s.run(ctx)
}

// servers starts that process.
func servers(ctx context.Context) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-serve")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	f := &front{name: "servers", at: at(serverPort)}
	if err := f.ready(ctx); err != nil {
		return nil, fmt.Errorf("servers: %w", err)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}, nil
}

// addresses are those of so many servers.
func addresses(n int) []address {
	var all []address
	for i := range n {
		all = append(all, address{fmt.Sprintf("s%d", i+1), at(serverPort + i), at(healthPort + i)})
	}
	return all
}

// open starts the plan's fronts. Whoever opens them closes them.
func (p *plan) open(ctx context.Context, servers int) (fronts []*front, closeAll func(), err error) {
	closeAll = func() {
		for _, f := range fronts {
			f.stop()
		}
	}
	if slices.Contains(p.fronts, "direct") {
		fronts = append(fronts, &front{name: "direct", at: at(serverPort)})
	}
	for i, k := range proxied(p.segue, p.other) {
		if !slices.Contains(p.fronts, k.name) {
			continue
		}
		f, err := k.start(ctx, p.out, at(frontPort+2*i), addresses(servers))
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		fronts = append(fronts, f)
	}
	return fronts, closeAll, nil
}

// part is one kind of measurement. It returns its tables, in Markdown.
type part struct {
	name string
	run  func(p *plan, ctx context.Context) (any, string, error)
}

func parts() []part {
	return []part{
		{"statements", (*plan).statements},
		{"visits", (*plan).visits},
	}
}

func partNames() (names []string) {
	for _, part := range parts() {
		names = append(names, part.name)
	}
	return names
}

func (p *plan) run(ctx context.Context) error {
	stop, err := servers(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for _, part := range parts() {
		if !slices.Contains(p.parts, part.name) {
			continue
		}
		figures, table, err := part.run(p, ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		data, err := json.MarshalIndent(figures, "", " ")
		if err != nil {
			return err
		}
		fmt.Printf("\r\033[K%s\n", table)
		for name, content := range map[string][]byte{".json": data, ".md": []byte(table)} {
			if err := os.WriteFile(filepath.Join(p.out, part.name+name), content, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

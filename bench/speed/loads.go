package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"segue/bench/streamload"
)

// loaded is one load through one front in one round.
type loaded struct {
	Rate float64 // bytes a second, from the first connection to the last answer
	CPU  float64 // seconds of the front's process, per GB
}

// loadCell is one kind of load through all fronts.
type loadCell struct {
	Name    string
	Path    string
	Size    int64
	Count   int // of loads, one after the other
	Chunked bool
	Samples map[string][]loaded // by front, one a round
}

// loadCells are the loads. The throttled one shows the rate of a BE that is the bottleneck, which a real one is.
func loadCells() []*loadCell {
	const mb = 1_000_000
	return []*loadCell{
		{Name: "1 GB, BE takes 200 MB/s", Path: throttledPath, Size: 1000 * mb, Count: 1},
		{Name: "1 GB, BE as fast as can be", Path: fastPath, Size: 1000 * mb, Count: 1},
		{Name: "50 × 10 MB, one after the other", Path: fastPath, Size: 10 * mb, Count: 50},
		{Name: "2,000 × 10 KB, one after the other", Path: fastPath, Size: 10_000, Count: 2000},
		{Name: "256 MB in chunks", Path: fastPath, Size: 256 * mb, Count: 1, Chunked: true},
	}
}

// loads measures Stream Loads: how fast, at which cost, and what a thousand at once hold.
func (p *plan) loads(ctx context.Context) (outcome, error) {
	var fronts []*front
	defer func() {
		for _, f := range fronts {
			f.stop()
		}
	}()
	if slices.Contains(p.fronts, "direct") {
		fronts = append(fronts, &front{name: "direct", at: at(healthPort)})
	}
	for _, k := range p.loadKinds() {
		f, err := k.startLoads(ctx, p.out)
		if err != nil {
			return outcome{}, err
		}
		fronts = append(fronts, f)
	}
	cells := loadCells()
	if p.only != "" {
		cells = slices.DeleteFunc(cells, func(c *loadCell) bool { return !strings.Contains(c.Name, p.only) })
	}
	for _, c := range cells {
		if err := p.loadRounds(ctx, c, fronts); err != nil {
			return outcome{}, err
		}
	}
	crowds, err := p.crowds(ctx)
	if err != nil {
		return outcome{}, err
	}
	return outcome{figures: map[string]any{"loads": cells, "memory": crowds}, text: loadTables(cells, fronts) + "\n" + crowdTable(crowds)}, nil
}

// loadKinds are the plan's fronts for loads that are processes.
func (p *plan) loadKinds() []kind {
	return slices.DeleteFunc(loadFronts(p.segue, p.other, p.nginx), func(k kind) bool { return !slices.Contains(p.fronts, k.name) })
}

// loadRounds sends one load through each front in turn, round by round; each round begins with another one.
func (p *plan) loadRounds(ctx context.Context, c *loadCell, fronts []*front) error {
	c.Samples = map[string][]loaded{}
	p.tell.step("loads: %s: %d fronts, %d rounds", c.Name, len(fronts), p.rounds)
	for round := range p.rounds {
		for i := range fronts {
			f := fronts[(round+i)%len(fronts)]
			p.tell.within("loads: %s: round %d of %d, %s", c.Name, round+1, p.rounds, f.name)
			s, err := f.load(ctx, c)
			if err != nil {
				return fmt.Errorf("through %s: %w", f.name, err)
			}
			c.Samples[f.name] = append(c.Samples[f.name], s)
		}
	}
	return nil
}

// load sends the loads of a round.
func (f *front) load(ctx context.Context, c *loadCell) (loaded, error) {
	before, err := f.cpu()
	if err != nil {
		return loaded{}, err
	}
	began := time.Now()
	client := streamload.Client{Timeout: time.Minute, Patience: time.Minute, Buffer: 1 << 20}
	r := f.request(c.Path, c.Size, c.Chunked, func() io.Reader { return io.LimitReader(zeros{}, c.Size) })
	for range c.Count {
		a, err := client.Put(ctx, r)
		if err == nil && !a.Good() {
			err = fmt.Errorf("%s: %s", a.Status, a.Message)
		}
		if err != nil {
			return loaded{}, err
		}
	}
	took, sent := time.Since(began), float64(c.Size)*float64(c.Count)
	after, err := f.cpu()
	return loaded{sent / took.Seconds(), (after - before).Seconds() / sent * 1e9}, err
}

// request is a load through the front: to the port that stands for the BE, if the front knows nothing of FEs.
func (f *front) request(path string, size int64, chunks bool, body func() io.Reader) *streamload.Request {
	to := f.at
	if path == fastPath && !knowsFrontends(f.name) {
		to = at(int(f.at.Port()) + 1)
	}
	return &streamload.Request{Address: to.String(), Path: path, User: "bench", Password: "bench", Body: body, Size: size, Chunked: chunks}
}

// zeros are a body that costs nothing to make.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// crowd is what a front held for many loads at once that stood still in the middle of their bodies, in bytes of RssAnon for each.
type crowd struct {
	Front string
	Name  string
	Loads int
	Bytes float64
}

// crowdOf is one kind of crowd.
type crowdOf struct {
	name string
	size int64 // that is told
	sent int64 // before all stand still
}

// crowds measures memory, each front alone.
func (p *plan) crowds(ctx context.Context) (all []crowd, err error) {
	kinds := []crowdOf{{"1 GB told, 1 MB sent", 1e9, 1e6}, {"200 KB told, 100 KB sent", 200e3, 100e3}}
	for _, k := range p.loadKinds() {
		if k.name == "nginx-operator" {
			continue // it takes no more than 256 connections
		}
		for _, c := range kinds {
			for _, n := range p.conns {
				one, err := p.crowd(ctx, &k, c, n)
				if err != nil {
					return nil, fmt.Errorf("%d loads through %s: %w", n, k.name, err)
				}
				all = append(all, one)
			}
		}
	}
	return all, nil
}

// crowd holds so many loads at once.
func (p *plan) crowd(ctx context.Context, k *kind, c crowdOf, n int) (crowd, error) {
	p.tell.step("memory of %d loads, %s, %s", n, c.name, k.name)
	k.port += 1000 // beside the one that is measured otherwise
	defer func() { k.port -= 1000 }()
	f, err := k.startLoads(ctx, p.out)
	if err != nil {
		return crowd{}, err
	}
	defer f.stop()
	one := &loadCell{Path: fastPath, Size: 1e6, Count: 1}
	if _, err := f.load(ctx, one); err != nil { // what one load makes, others may use
		return crowd{}, err
	}
	before, err := f.memory()
	if err != nil {
		return crowd{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var loads, begun sync.WaitGroup
	defer loads.Wait()
	defer cancel()
	failed := make(chan error, n)
	begun.Add(n)
	for range n {
		b := &standing{left: c.sent, ctx: ctx, stands: sync.OnceFunc(begun.Done)}
		loads.Go(func() {
			client := streamload.Client{Timeout: time.Minute, Patience: time.Minute}
			_, err := client.Put(ctx, f.request(fastPath, c.size, false, func() io.Reader { return b }))
			if ctx.Err() == nil {
				failed <- errors.Join(err, errors.New("a load has ended in the middle"))
				b.stands()
			}
		})
	}
	begun.Wait()
	if err := pause(ctx, time.Second); err != nil { // what is on its way arrives
		return crowd{}, err
	}
	select {
	case err := <-failed:
		return crowd{}, err
	default:
	}
	now, err := f.memory()
	return crowd{k.name, c.name, n, float64(now-before) / float64(n)}, err
}

// standing is a body that stands still after some bytes, until its context is done.
type standing struct {
	left   int64
	ctx    context.Context
	stands func()
}

func (s *standing) Read(b []byte) (int, error) {
	if s.left == 0 {
		s.stands()
		<-s.ctx.Done()
		return 0, s.ctx.Err()
	}
	n := min(int64(len(b)), s.left)
	s.left -= n
	return int(n), nil
}

// loadTables have the rate as a part of direct's, round by round, and CPU.
func loadTables(cells []*loadCell, fronts []*front) string {
	var b strings.Builder
	names := make([]string, len(fronts))
	for i, f := range fronts {
		names[i] = f.name
	}
	table := func(title string, show func(c *loadCell, front string) string) {
		fmt.Fprintf(&b, "| %s | `%s` |\n|---|%s\n", title, strings.Join(names, "` | `"), strings.Repeat("---:|", len(names)))
		for _, c := range cells {
			fmt.Fprintf(&b, "| %s |", c.Name)
			for _, name := range names {
				fmt.Fprintf(&b, " %s |", show(c, name))
			}
			b.WriteByte('\n')
		}
		b.WriteByte('\n')
	}
	table("rate, MB/s; to `direct`", func(c *loadCell, front string) string {
		var rates, ratios []float64
		direct := c.Samples["direct"]
		for round, s := range c.Samples[front] {
			rates = append(rates, s.Rate/1e6)
			if round < len(direct) {
				ratios = append(ratios, s.Rate/direct[round].Rate)
			}
		}
		if front == "direct" || len(ratios) == 0 {
			return number(spreadOf(rates).median)
		}
		return number(spreadOf(rates).median) + "; " + spreadOf(ratios).String()
	})
	table("CPU of the front, s per GB", func(c *loadCell, front string) string {
		if front == "direct" {
			return number(spreadOf(nil).median)
		}
		var all []float64
		for _, s := range c.Samples[front] {
			all = append(all, s.CPU)
		}
		return spreadOf(all).String()
	})
	return b.String()
}

// crowdTable has one line a front.
func crowdTable(all []crowd) string {
	var b strings.Builder
	b.WriteString("| RssAnon per load, KB | loads at once | told and sent | held |\n|---|---:|---|---:|\n")
	for _, c := range all {
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", c.Front, c.Loads, c.Name, number(c.Bytes/1000))
	}
	return b.String()
}

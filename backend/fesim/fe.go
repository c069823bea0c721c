package fesim

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"

	"segue/backend"
)

// FE is one simulated FE. Its methods may be called from any goroutine.
type FE struct {
	// Static after New.
	opts    Options
	cluster *Cluster
	log     *slog.Logger
	mysql   *port
	http    *port

	mu           sync.Mutex
	life         *life  // nil before the first Start
	version      string // of the next life
	fault        Fault
	faultChanged chan struct{} // closed by the next SetFault
	stats        Stats
	loadFaults   loadFaults
	stale        map[string]labelState // not nil: cut off, and what it knew; the cluster's mutex guards it
	turn         int                   // of BEs for loads; the cluster's mutex guards it
	rand         *rand.Rand
}

// New returns an FE that has its ports but does not listen on them yet.
func New(opts Options) (*FE, error) {
	opts = opts.withDefaults()
	if opts.Flavor == backend.MySQL {
		return nil, errors.New("create fe: flavor mysql cannot be simulated; use a real server")
	}
	f := &FE{
		opts: opts, version: opts.Version, cluster: opts.Cluster, faultChanged: make(chan struct{}),
		log: opts.Log.With("backend", opts.Name), rand: rand.New(rand.NewPCG(opts.Seed, uint64(opts.FID))),
	}
	var err error
	if f.mysql, err = reserve(opts.MySQLAddress); err != nil {
		return nil, fmt.Errorf("create fe %s: %w", opts.Name, err)
	}
	if f.http, err = reserve(opts.HTTPAddress); err != nil {
		f.mysql.release()
		return nil, fmt.Errorf("create fe %s: %w", opts.Name, err)
	}
	if f.cluster == nil {
		f.cluster = newCluster(opts)
		f.cluster.solo = true
	}
	f.cluster.add(f)
	return f, nil
}

// Name returns the FE's name.
func (f *FE) Name() string { return f.opts.Name }

// String returns the FE's name.
func (f *FE) String() string { return f.opts.Name }

// MySQLAddress returns host:port of the MySQL port, which stays the same over restarts.
func (f *FE) MySQLAddress() string { return f.mysql.address }

// HealthURL returns the URL that says whether the FE is up.
func (f *FE) HealthURL() string {
	if f.opts.Flavor == backend.TiDB {
		return "http://" + f.http.address + "/status"
	}
	return "http://" + f.http.address + "/api/health"
}

// Upgrade gives the FE another version from its next start on.
func (f *FE) Upgrade(version string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version = version
}

// Cluster returns the cluster that the FE belongs to.
func (f *FE) Cluster() *Cluster { return f.cluster }

// Start begins a life. It returns when both ports listen, or with an error if they cannot or if the FE is told to exit before. Start may be
// called again after an exit.
func (f *FE) Start() error {
	f.mu.Lock()
	if f.life != nil && !f.life.over() {
		f.mu.Unlock()
		return fmt.Errorf("start fe %s: it is running", f.opts.Name)
	}
	l := newLife(f)
	f.life = l
	f.mu.Unlock()
	go l.run()
	if err := <-l.started; err != nil {
		return fmt.Errorf("start fe %s: %w", f.opts.Name, err)
	}
	return nil
}

// GracefulExit is SIGUSR1 (stop_fe.sh -g). It returns at once: health has changed, the first sweep is under way. Without enough other FEs
// alive the FE exits with 255 instead, at once and without a word. For the flavors Doris and TiDB it is SIGTERM.
func (f *FE) GracefulExit() {
	if l := f.current(); l != nil {
		l.gracefulExit()
	}
}

// Terminate is SIGTERM: a StarRocks FE is gone at once, with exit code 143; Doris and TiDB exit gracefully.
func (f *FE) Terminate() {
	if f.opts.Flavor != backend.StarRocks {
		f.GracefulExit()
		return
	}
	f.die(death{code: exitTerminated})
}

// Kill is kill -9: RST on every socket, both ports refuse, exit code 137. It returns when that is so.
func (f *FE) Kill() {
	f.die(death{code: exitKilled, reset: true})
	f.Wait()
}

func (f *FE) die(d death) {
	if l := f.current(); l != nil {
		l.die(d)
	}
}

// Exited returns a channel that is closed when the present life has ended; nil before the first Start.
func (f *FE) Exited() <-chan struct{} {
	if l := f.current(); l != nil {
		return l.exited
	}
	return nil
}

// ExitCode returns the code of the last exit: 0 after a graceful one, 255 when it was refused or took longer than MaxExit, 137 and 143 after Kill and
// Terminate; -1 while the FE runs and before it ran.
func (f *FE) ExitCode() int {
	if l := f.current(); l != nil && l.over() {
		return l.code
	}
	return -1
}

// Wait waits until the FE has exited and all its goroutines have ended. It returns at once if there was no Start.
func (f *FE) Wait() {
	if l := f.current(); l != nil {
		<-l.exited
	}
}

// Close kills the FE if it runs, waits for it and gives up its ports. It cannot be started again.
func (f *FE) Close() {
	f.Kill()
	f.mysql.release()
	f.http.release()
}

func (f *FE) current() *life {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.life
}

// intN returns a number from the FE's own source of randomness.
func (f *FE) intN(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rand.IntN(n)
}

// salt returns 20 printable bytes, as MysqlPassword.createRandomString does.
func (f *FE) salt() []byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	f.mu.Lock()
	defer f.mu.Unlock()
	b := make([]byte, 20)
	for i := range b {
		b[i] = letters[f.rand.IntN(len(letters))]
	}
	return b
}

// port is an address that an FE keeps while it does not listen there.
type port struct {
	address string
	held    holder
}

// holder keeps a port from being given to others.
type holder interface{ Close() error }

func (p *port) release() {
	if p.held != nil {
		p.held.Close()
	}
}

func (p *port) listen() (net.Listener, error) { return net.Listen("tcp", p.address) }

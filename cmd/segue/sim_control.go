package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"segue/backend/fesim"
	"segue/backend/wire"
)

// simNode is what FEs, BEs and CNs have in common.
type simNode interface {
	Name() string
	HealthURL() string
	Start() error
	Upgrade(version string)
	Exited() <-chan struct{}
}

// orders are the requests by which nodes are upset.
func (s *simCluster) orders() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{node}/{order}", s.order)
	mux.HandleFunc("GET /{node}", s.status)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { s.list(w) })
	return mux
}

// list shows all nodes.
func (s *simCluster) list(w io.Writer) {
	for _, fe := range s.cluster.FEs() {
		fmt.Fprintf(w, "%s: MySQL %s, health %s%s\n", fe.Name(), fe.MySQLAddress(), fe.HealthURL(), simState(fe))
	}
	for _, be := range s.cluster.BEs() {
		fmt.Fprintf(w, "%s: heartbeat %s, health %s%s\n", be.Name(), be.HeartbeatAddress(), be.HealthURL(), simState(be))
	}
}

func simState(n simNode) string {
	select {
	case <-n.Exited():
		return ", has exited"
	default:
		return ""
	}
}

// node finds a node by its name.
func (s *simCluster) node(name string) simNode {
	for _, fe := range s.cluster.FEs() {
		if fe.Name() == name {
			return fe
		}
	}
	for _, be := range s.cluster.BEs() {
		if be.Name() == name {
			return be
		}
	}
	return nil
}

// order does to a node what it is told to.
func (s *simCluster) order(w http.ResponseWriter, r *http.Request) {
	n := s.node(r.PathValue("node"))
	var do func() error
	switch n := n.(type) {
	case *fesim.FE:
		do = feOrder(n, r)
	case *fesim.BE:
		do = s.beOrder(n, r)
	}
	if do == nil && n != nil {
		do = nodeOrder(n, r)
	}
	switch {
	case r.Header.Get("Origin") != "":
		http.Error(w, "not for web pages", http.StatusForbidden)
	case do == nil:
		http.Error(w, "want a node, such as fe-1, and an order, such as leave, kill, start or upgrade: see segue sim cluster --help", http.StatusNotFound)
	default:
		if err := do(); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	}
}

// nodeOrder is one that every node knows; nil if it is none of those.
func nodeOrder(n simNode, r *http.Request) func() error {
	switch r.PathValue("order") {
	case "start":
		return n.Start
	case "upgrade":
		return func() error {
			version := r.FormValue("version")
			if version == "" {
				return fmt.Errorf("upgrade %s: want ?version=", n.Name())
			}
			n.Upgrade(version)
			return nil
		}
	}
	return nil
}

func feOrder(fe *fesim.FE, r *http.Request) func() error {
	fault := func(f fesim.Fault) func() error { return func() error { fe.SetFault(f); return nil } }
	switch r.PathValue("order") {
	case "leave":
		return func() error { fe.GracefulExit(); return nil }
	case "kill":
		return func() error { fe.Kill(); return nil }
	case "hang":
		return fault(fesim.Fault{Freeze: true})
	case "refuse":
		return fault(fesim.Fault{Refuse: true})
	case "full":
		return fault(fesim.Fault{LoginERR: full(fe)})
	case "fault":
		return loadFault(r, fe.InjectLoad)
	case "heal":
		return func() error { fe.ClearLoadFaults(); fe.SetFault(fesim.Fault{}); return nil }
	}
	return nil
}

func (s *simCluster) beOrder(be *fesim.BE, r *http.Request) func() error {
	begin := func(o fesim.JobOptions) func() error {
		return func() error {
			d, err := time.ParseDuration(cmp.Or(r.FormValue("for"), "60s"))
			if err != nil {
				return err
			}
			o.Duration = d
			s.cluster.Begin(o)
			return nil
		}
	}
	switch r.PathValue("order") {
	case "leave":
		return func() error { be.Stop(true); return nil }
	case "kill":
		return func() error { be.Stop(false); return nil }
	case "hang":
		return func() error {
			be.InjectLoad(fesim.LoadFault{Step: fesim.AtArrival, Do: fesim.HarmHang, Times: -1})
			return nil
		}
	case "fault":
		return loadFault(r, be.InjectLoad)
	case "heal":
		return func() error { be.ClearLoadFaults(); return nil }
	case "load":
		return begin(fesim.JobOptions{On: be})
	case "routine-load":
		return begin(fesim.JobOptions{Kind: fesim.RoutineLoad, On: be})
	case "schema-change":
		return begin(fesim.JobOptions{Kind: fesim.SchemaChange})
	case "set":
		return func() error {
			for name, values := range r.URL.Query() {
				if err := be.Configure(name, values[0]); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return nil
}

// loadFault adds a fault of loads: step and do are needed; op, bytes, label and times are as in fesim.LoadFault.
func loadFault(r *http.Request, inject func(fesim.LoadFault)) func() error {
	return func() error {
		f := fesim.LoadFault{Op: fesim.LoadOp(r.FormValue("op")), Step: fesim.LoadStep(r.FormValue("step")), Label: r.FormValue("label"), Do: fesim.LoadHarm(r.FormValue("do"))}
		var err error
		if f.Bytes, err = strconv.ParseInt(cmp.Or(r.FormValue("bytes"), "0"), 10, 64); err != nil {
			return err
		}
		if f.Times, err = strconv.Atoi(cmp.Or(r.FormValue("times"), "0")); err != nil {
			return err
		}
		if err := f.Check(); err != nil {
			return err
		}
		inject(f)
		return nil
	}
}

// full is how an FE refuses a login that has as many sessions as it may have now.
func full(fe *fesim.FE) *wire.Err {
	open := fe.Stats().Open
	return fesim.ConnectionLimit(open, open, fe.Name())
}

// status tells whether a node runs.
func (s *simCluster) status(w http.ResponseWriter, r *http.Request) {
	n := s.node(r.PathValue("node"))
	switch {
	case n == nil:
		http.Error(w, "there is no such node", http.StatusNotFound)
	case simState(n) != "":
		http.Error(w, strings.ToLower(n.Name())+" has exited", http.StatusGone)
	default:
		fmt.Fprintln(w, n.Name()+" runs")
	}
}

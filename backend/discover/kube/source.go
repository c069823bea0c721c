package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"time"

	"segue/backend/discover"
	"segue/backend/discover/nodes"
)

// serviceLabel is the label by which an EndpointSlice says whose it is.
const serviceLabel = "kubernetes.io/service-name"

// Source is [discover.Source] for one service, by its EndpointSlices. It needs the verbs list and watch on endpointslices in the service's namespace.
type Source struct {
	// Config is the API server's. Its namespace is the service's.
	Config  Config
	Service string
	// Port is a number, or the name of a port of the service; empty: the only one. HTTPPort is where health is asked for; empty: the flavor's.
	Port, HTTPPort string
}

// startAgain is how long to wait before files and surroundings that have made no client are looked at again.
const startAgain = 5 * time.Second

// Kind implements [discover.Source].
func (*Source) Kind() string { return "kubernetes" }

// String implements [discover.Source].
func (s *Source) String() string {
	text := "kubernetes " + s.Service
	if s.Config.Namespace != "" {
		text = "kubernetes " + s.Config.Namespace + "/" + s.Service
	}
	if s.Port != "" {
		text += ":" + s.Port
	}
	return text
}

// Run implements [discover.Source]. What it tells is live: whatever is not in an answer has gone from the service.
func (s *Source) Run(ctx context.Context, tell func(discover.Answer)) error {
	for ctx.Err() == nil {
		client, err := New(s.Config)
		if err != nil { // a token that is not mounted yet, say
			tell(discover.Answer{Err: err})
			_ = wait(ctx, startAgain) // the loop's condition tells
			continue
		}
		defer client.Close()
		what, err := Slices(client.Namespace(), s.Service)
		if err != nil {
			return err
		}
		f := &found{source: s, tell: tell}
		return client.Follow(ctx, what, Follower{Report: f.report, Trouble: f.trouble})
	}
	return ctx.Err()
}

// Slices are the EndpointSlices of a service. An error says that one of the names is none.
func Slices(namespace, service string) (Collection, error) {
	for _, name := range []string{service, namespace} {
		if !ValidName(name) {
			return Collection{}, fmt.Errorf("follow service: %q is no name that Kubernetes knows (small letters, digits, '-' and '.')", name)
		}
	}
	return Collection{
		Path:   "/apis/discovery.k8s.io/v1/namespaces/" + namespace + "/endpointslices",
		Labels: serviceLabel + "=" + service,
	}, nil
}

// found turns objects into answers. Slices change without a change of what is read of them.
type found struct {
	source *Source
	tell   func(discover.Answer)
	last   *discover.Answer
}

func (f *found) report(objects []json.RawMessage) {
	a := f.source.answer(objects)
	if a.Err == nil && f.last != nil && reflect.DeepEqual(a, *f.last) {
		return
	}
	f.last = &a
	f.tell(a)
}

func (f *found) trouble(err error) error {
	f.last = nil // what is found behind it is told, be it what it was
	f.tell(discover.Answer{Err: err})
	return nil
}

// answer makes an answer of the slices of the service. None may be there: the service does not exist, or nothing is behind it.
func (s *Source) answer(objects []json.RawMessage) discover.Answer {
	list, err := ParseSlices(objects)
	if err == nil && len(list) == 0 {
		err = errors.New("no EndpointSlice is there: is there such a service, and has it a selector?")
	}
	if err != nil {
		return discover.Answer{Err: fmt.Errorf("service %s: %w", s.Service, err)}
	}
	endpoints, err := Merge(list, s.Port, s.HTTPPort)
	if err != nil {
		return discover.Answer{Err: fmt.Errorf("service %s: %w", s.Service, err)}
	}
	a := discover.Answer{Live: true}
	for _, e := range endpoints {
		a.Found = append(a.Found, e.found())
	}
	return a
}

// found is the endpoint as discovery has it. Whether it is ready is for probing to say, which sees more of it.
func (e *Endpoint) found() discover.Found {
	host, _, _ := net.SplitHostPort(e.Addresses[0])
	f := discover.Found{
		Node: nodes.Node{Host: host, Address: e.Addresses[0], HTTP: e.HTTP, Zone: e.Zone, Tablets: -1, RunningQueries: -1},
	}
	if e.Name != host {
		f.Called = e.Name
	}
	if e.Leaving {
		f.Leaving = "pod " + e.Name + " is terminating"
	}
	return f
}

// ValidName tells whether Kubernetes takes the name for an object (RFC 1123), so that it may stand in a path.
func ValidName(name string) bool {
	if name == "" || len(name) > 253 || strings.Trim(name, "-.") != name {
		return false
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' {
			return false
		}
	}
	return true
}

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// serviceLabel is the label by which an EndpointSlice says whose it is.
const serviceLabel = "kubernetes.io/service-name"

// Service is a source of backends: the endpoints of one service, by its EndpointSlices. It needs the verbs list and watch on endpointslices in its namespace.
type Service struct {
	Client *Client
	// Namespace is the service's; empty: the client's.
	Namespace string
	Name      string
	// Port is a number, or the name of a port of the service; empty: the only one.
	Port string
	// Troubled gets what goes wrong; nil: nobody does. What was reported last stands meanwhile.
	Troubled func(error)
}

// Run reports the endpoints when they are known first and whenever they change, until ctx is done; then it gives its error. A name that cannot be one is an error at once. A service without endpoints is reported
// as such: what an empty list means is for the caller to say. What cannot be read or has not the port is no report, but trouble.
func (s *Service) Run(ctx context.Context, report func([]Endpoint)) error {
	for _, name := range []string{s.Name, or(s.Namespace, s.Client.Namespace())} {
		if !ValidName(name) {
			return fmt.Errorf("follow service: %q is no name that Kubernetes knows (small letters, digits, '-' and '.')", name)
		}
	}
	var last []Endpoint
	known := false
	return s.Client.Follow(ctx, s.collection(), Follower{
		Report: func(objects []json.RawMessage) {
			list, err := s.read(objects)
			if err != nil {
				s.trouble(err)
				return
			}
			if known && reflect.DeepEqual(list, last) {
				return
			}
			last, known = list, true
			report(list)
		},
		Trouble: func(err error) error {
			s.trouble(err)
			return nil
		},
	})
}

func (s *Service) collection() Collection {
	namespace := or(s.Namespace, s.Client.Namespace())
	return Collection{
		Path:   "/apis/discovery.k8s.io/v1/namespaces/" + namespace + "/endpointslices",
		Labels: serviceLabel + "=" + s.Name,
	}
}

func (s *Service) read(objects []json.RawMessage) ([]Endpoint, error) {
	list, err := ParseSlices(objects)
	if err != nil {
		return nil, fmt.Errorf("service %s: %w", s.Name, err)
	}
	merged, err := Merge(list, s.Port)
	if err != nil {
		return nil, fmt.Errorf("service %s: %w", s.Name, err)
	}
	return merged, nil
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

func (s *Service) trouble(err error) {
	if s.Troubled != nil {
		s.Troubled(err)
	}
}

// Package file finds backends in a file that another program writes: a list in YAML, or JSON, of addresses or of keys.
//
//   - 10.0.0.1:9030
//   - {address: "10.0.0.2:9030", name: fe-2, http: "10.0.0.2:8030", zone: eu-1a}
//
// What cannot be read, or makes no sense, changes nothing. Replace the file by renaming another one: a half-written file may make sense.
package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"segue/backend/discover"
	"segue/backend/discover/nodes"
	"segue/backend/files"
)

// Source is [discover.Source] for one file.
type Source struct {
	Path string

	files files.Reader
}

const (
	every   = time.Second // the file is read: it may lie where no change is told, and is small
	maxSize = 1 << 20
)

// Kind implements [discover.Source].
func (*Source) Kind() string { return "file" }

// String implements [discover.Source].
func (s *Source) String() string { return "file " + s.Path }

// Run implements [discover.Source].
func (s *Source) Run(ctx context.Context, tell func(discover.Answer)) error {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		tell(s.read())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks.C:
		}
	}
}

func (s *Source) read() discover.Answer {
	data, err := s.files.Read(s.Path, maxSize)
	switch {
	case errors.Is(err, files.ErrTooLarge):
		err = errors.New("the file has more than 1 MiB")
	case errors.Is(err, files.ErrNotRegular):
		err = errors.New("not a regular file: " + s.Path)
	case errors.Is(err, files.ErrNoAnswer):
		err = fmt.Errorf("%s: %w", s.Path, err)
	}
	if err != nil {
		return discover.Answer{Err: err}
	}
	found, err := Parse(data)
	return discover.Answer{Found: found, Err: err}
}

// node is one item with keys.
type node struct {
	Address string `yaml:"address"`
	Name    string `yaml:"name"`
	HTTP    string `yaml:"http"`
	Zone    string `yaml:"zone"`
}

// Parse reads what such a file says.
func Parse(data []byte) ([]discover.Found, error) {
	var items []yaml.Node
	if err := yaml.Unmarshal(data, &items); err != nil {
		return nil, fmt.Errorf("not a list: %w", err)
	}
	found := make([]discover.Found, 0, len(items))
	for i := range items {
		n, err := parseItem(&items[i])
		if err == nil {
			err = errors.Join(checkAddress(n.Address, false), checkAddress(n.HTTP, true))
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", items[i].Line, err)
		}
		host, _, _ := net.SplitHostPort(n.Address)
		found = append(found, discover.Found{
			Node:   nodes.Node{Host: host, Address: n.Address, HTTP: n.HTTP, Zone: n.Zone, Tablets: -1, RunningQueries: -1},
			Called: n.Name,
		})
	}
	return found, nil
}

func parseItem(item *yaml.Node) (n node, err error) {
	if item.Kind == yaml.ScalarNode {
		return node{Address: item.Value}, nil
	}
	text, err := yaml.Marshal(item)
	if err != nil {
		return node{}, err
	}
	d := yaml.NewDecoder(bytes.NewReader(text)) // a Node's own Decode takes unknown keys
	d.KnownFields(true)
	if err := d.Decode(&n); err != nil {
		return node{}, errors.New("write HOST:PORT, or the keys address, name, http, zone")
	}
	return n, nil
}

func checkAddress(text string, empty bool) error {
	if text == "" && empty {
		return nil
	}
	host, port, err := net.SplitHostPort(text)
	if n, wrong := strconv.Atoi(port); err != nil || wrong != nil || n < 1 || n > 65535 || host == "" {
		return fmt.Errorf("%.80q is not HOST:PORT", text)
	}
	return nil
}

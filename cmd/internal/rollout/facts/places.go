package facts

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"segue/backend/discover/kube"
)

// addresses are those of all Segues there are now. A place that cannot be read is an address that cannot be asked: nothing goes while it is so.
func (f *Fleet) addresses(ctx context.Context) (list []string, wrong map[string]error) {
	wrong = map[string]error{}
	for _, place := range f.Places {
		found, err := f.at(ctx, place)
		if err != nil {
			wrong[place] = err
		}
		list = append(list, found...)
	}
	slices.Sort(list)
	return slices.Compact(list), wrong
}

// at are the addresses at one place.
func (f *Fleet) at(ctx context.Context, place string) ([]string, error) {
	switch kind, rest, _ := strings.Cut(place, ":"); kind {
	case "dns":
		return lookup(ctx, rest)
	case "file":
		return f.readList(rest)
	case "kubernetes":
		return f.pods(ctx, rest)
	}
	return []string{place}, nil
}

// pods are the addresses of all pods behind [NAMESPACE/]SERVICE:PORT, those that terminate among them.
func (f *Fleet) pods(ctx context.Context, place string) (list []string, err error) {
	service, port, ok := strings.Cut(place, ":")
	if !ok || port == "" {
		return nil, fmt.Errorf("want kubernetes:[NAMESPACE/]SERVICE:PORT, not %q", place)
	}
	at := f.Kube
	if namespace, name, ok := strings.Cut(service, "/"); ok {
		at.Namespace, service = namespace, name
	}
	client, err := kube.New(at)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	what, err := kube.Slices(client.Namespace(), service)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	objects, err := client.List(ctx, what)
	if err != nil {
		return nil, err
	}
	parsed, err := kube.ParseSlices(objects)
	if err != nil {
		return nil, err
	}
	endpoints, err := kube.Merge(parsed, port, "")
	if err != nil {
		return nil, err
	}
	for _, e := range endpoints {
		if len(e.Addresses) > 0 {
			list = append(list, e.Addresses[0])
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("service %s/%s has no pod", client.Namespace(), service)
	}
	return list, nil
}

// lookup finds all addresses of name:port.
func lookup(ctx context.Context, place string) (list []string, err error) {
	name, port, err := net.SplitHostPort(place)
	if err != nil {
		return nil, fmt.Errorf("want dns:NAME:PORT: %w", err)
	}
	hosts, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, h := range hosts {
		list = append(list, net.JoinHostPort(h, port))
	}
	return list, nil
}

// mostList bounds such a file.
const mostList = 1 << 20

// readList reads a file with one address a line; what follows # is a comment.
func (f *Fleet) readList(path string) (list []string, err error) {
	data, err := f.files.Read(path, mostList)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no address", path)
	}
	return list, nil
}

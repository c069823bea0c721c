package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// errExpired is that the server does not remember what happened since the version that is known: everything is listed again.
var errExpired = errors.New("resource version is too old: everything is listed again")

// State is a collection as lists and events have told of it, and the version that it is of. Pure. The zero State is empty and of no version.
type State struct {
	version string
	objects map[string]json.RawMessage // by namespace/name
	coming  map[string]json.RawMessage // pages of a list that is not complete yet
}

// Version is the resourceVersion from which a watch goes on; empty: list first.
func (s *State) Version() string { return s.version }

// Objects gives the objects as they were sent, ordered by namespace and name.
func (s *State) Objects() []json.RawMessage {
	list := make([]json.RawMessage, 0, len(s.objects))
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		list = append(list, s.objects[key])
	}
	return list
}

// Expire forgets the version, so that everything is listed again. The objects stay until then.
func (s *State) Expire() { s.version, s.coming = "", nil }

type metadata struct {
	Name            string `json:"name"`
	Namespace       string `json:"namespace"`
	ResourceVersion string `json:"resourceVersion"`
	Continue        string `json:"continue"`
}

func (m *metadata) key() string { return m.Namespace + "/" + m.Name }

// Page takes one page of a list. With its last one, which names no next, the objects are those of the list alone.
func (s *State) Page(body []byte) (next string, err error) {
	var page struct {
		Metadata metadata          `json:"metadata"`
		Items    []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return "", fmt.Errorf("parse list: %w", err)
	}
	if page.Metadata.ResourceVersion == "" {
		return "", errors.New("parse list: it has no resourceVersion")
	}
	if s.coming == nil {
		s.coming = make(map[string]json.RawMessage, len(page.Items))
	}
	for _, item := range page.Items {
		m, err := metadataOf(item)
		if err != nil {
			s.coming = nil
			return "", fmt.Errorf("parse list: %w", err)
		}
		s.coming[m.key()] = item
	}
	if page.Metadata.Continue != "" {
		return page.Metadata.Continue, nil
	}
	s.objects, s.coming, s.version = s.coming, nil, page.Metadata.ResourceVersion
	return "", nil
}

// Event takes one event of a watch, and tells whether the objects have changed by it. An error ends the watch: errExpired, an [*Error] that the server sent, or
// that the event was not understood, in which case everything is listed again.
func (s *State) Event(line []byte) (changed bool, err error) {
	var event struct {
		Type   string          `json:"type"`
		Object json.RawMessage `json:"object"`
	}
	if err := json.Unmarshal(line, &event); err != nil {
		return false, s.lost("parse event: %w", err)
	}
	if event.Type == "ERROR" {
		return false, s.refused(event.Object)
	}
	m, err := metadataOf(event.Object)
	if err != nil && event.Type != "BOOKMARK" { // which has no name
		return false, s.lost("parse event: %w", err)
	}
	if m.ResourceVersion == "" {
		return false, s.lost("parse event %s: it has no resourceVersion", event.Type)
	}
	switch event.Type {
	case "ADDED", "MODIFIED":
		changed = !bytes.Equal(s.objects[m.key()], event.Object)
		if s.objects == nil {
			s.objects = make(map[string]json.RawMessage)
		}
		s.objects[m.key()] = bytes.Clone(event.Object)
	case "DELETED":
		_, changed = s.objects[m.key()]
		delete(s.objects, m.key())
	case "BOOKMARK":
	default:
		return false, s.lost("parse event: type %q is not known", event.Type)
	}
	s.version = m.ResourceVersion
	return changed, nil
}

// refused takes the Status object of an ERROR event.
func (s *State) refused(object []byte) error {
	var st status
	if err := json.Unmarshal(object, &st); err != nil {
		return s.lost("parse event ERROR: %w", err)
	}
	s.Expire() // whatever it was: a list tells again
	if st.Code == http.StatusGone || st.Reason == "Expired" || st.Reason == "Gone" {
		return errExpired
	}
	return &Error{Verb: "watch", Code: st.Code, Reason: st.Reason, Message: st.Message}
}

// lost is that something was not understood: from there on nothing is known.
func (s *State) lost(format string, args ...any) error {
	s.Expire()
	return fmt.Errorf(format, args...)
}

func metadataOf(object []byte) (metadata, error) {
	var o struct {
		Metadata metadata `json:"metadata"`
	}
	if err := json.Unmarshal(object, &o); err != nil {
		return metadata{}, err
	}
	if o.Metadata.Name == "" {
		return o.Metadata, errors.New("an object has no name")
	}
	return o.Metadata, nil
}

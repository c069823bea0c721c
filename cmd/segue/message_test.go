package main

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"segue/backend"
	"segue/cmd/internal/admin"
	proxy "segue/proxy"
)

func TestMessages(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)
	want := legacy{
		Intent: admin.Intent{Backends: map[string]backend.Admin{"fe-1": backend.Drain}, PausedUntil: &until},
		Others: []admin.Other{{PID: 7, Socket: "/run/segue/x"}}, LastID: 2_000_000_017,
	}
	line, err := encodeMessage(want)
	if err != nil {
		t.Fatal(err)
	}
	for at := range len(line) + 1 { // in two parts, one of which came beside the sockets, and byte by byte
		var got legacy
		if err := readMessage(iotest.OneByteReader(bytes.NewReader(line[at:])), line[:at], &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%d: %+v, %v", at, got, err)
		}
	}
	for text, want := range map[string]error{"": io.EOF, "{": io.ErrUnexpectedEOF, `{"others":[]}`: io.ErrUnexpectedEOF} {
		if err := readMessage(strings.NewReader(text), nil, new(legacy)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
	endless := io.LimitReader(zeros{}, 1<<30)
	if err := readMessage(endless, nil, new(legacy)); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("without an end: %v", err)
	}
}

// zeros reads as digits.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		`{"segue_takeover":2,"network":"net:[1]","sockets":["listen","admin","offer"]}` + "\n", `{"ready":true}` + "\n", "\x01", "\n", "null\n", "[]\n",
		`{"intent":{"backends":{"fe-1":"drain","":"maint"},"paused_until":"9999-12-31T23:59:59Z"},"others":[{"pid":-1,"socket":"../x"}],"last_id":4294967295}` + "\n",
		`{"intent":{"backends":{"fe-1":"gone"}}}` + "\n", strings.Repeat(`{"sockets":[`, 1000) + "\n", `{"paused_until":"-1"}`, "{}\n{}\n",
	} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		at = min(max(at, 0), len(data))
		for _, v := range []any{new(greeting), new(ready), new(legacy)} {
			err := readMessage(bytes.NewReader(data[at:]), data[:at], v)
			if err != nil {
				continue
			}
			line, err := encodeMessage(v)
			if err != nil {
				t.Fatalf("%+v: %v", v, err)
			}
			again := reflect.New(reflect.TypeOf(v).Elem()).Interface()
			if err := readMessage(bytes.NewReader(line), nil, again); err != nil {
				t.Errorf("%+v, and again: %v", v, err)
			}
		}
		if fds, err := descriptors(data); err == nil && len(fds) > len(data)/4 {
			t.Errorf("%d descriptors in %d bytes", len(fds), len(data))
		}
	})
}

// Sockets that are none, of a wrong kind or twice are refused, and closed.
func TestAdoptAll(t *testing.T) { // beside nothing that opens others
	open := func(kind int) int {
		fd, err := syscall.Socket(syscall.AF_INET, kind|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	for name, make := range map[string]func() ([]string, []int){
		"none":             func() ([]string, []int) { return nil, nil },
		"names alone":      func() ([]string, []int) { return []string{"listen", "admin", "offer"}, nil },
		"does not listen":  func() ([]string, []int) { return []string{"listen"}, []int{open(syscall.SOCK_STREAM)} },
		"another protocol": func() ([]string, []int) { return []string{"listen"}, []int{open(syscall.SOCK_DGRAM)} },
		"offer of TCP":     func() ([]string, []int) { return []string{"offer"}, []int{open(syscall.SOCK_STREAM)} },
		"no such":          func() ([]string, []int) { return []string{"listen"}, []int{1 << 20} },
	} {
		names, fds := make()
		s, err := adoptAll(greeting{Sockets: names}, fds)
		if err == nil {
			t.Errorf("%s: %+v", name, s)
		}
		s.close()
		for _, fd := range fds {
			if err := syscall.Fstat(fd, new(syscall.Stat_t)); !errors.Is(err, syscall.EBADF) {
				t.Errorf("%s: descriptor %d is open: %v", name, fd, err)
			}
		}
	}
}

func FuzzKept(f *testing.F) {
	for _, seed := range []string{
		`{"segue_state":1,"backends":{"fe-1":"drain","fe-2":"maint"},"paused_until":"2026-11-30T03:00:00Z"}`, `{"segue_state":2}`, "", "null", "[]",
		`{"segue_state":1,"backends":{"fe-1":"ready"}}`, `{"segue_state":1,"backends":{"fe-1":7}}`, `{"segue_state":1,"paused_until":"0000-00-00T00:00:00Z"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := parseKept(data)
		if err != nil {
			return
		}
		registry := backend.NewRegistry(backend.Options{})
		registry.Apply([]backend.Spec{{Name: "fe-1", Address: "192.0.2.1:9030"}})
		h := &admin.Handler{Registry: registry, Pauser: neverPaused{t}}
		unknown := h.Restore(in)
		if len(unknown) > len(in.Backends) {
			t.Errorf("%q of %v", unknown, in.Backends)
		}
		if got := registry.Backends()[0].Status().Admin; got != in.Backends["fe-1"] {
			t.Errorf("%v, want %v", got, in.Backends["fe-1"])
		}
	})
}

// neverPaused checks how long a pause is to be.
type neverPaused struct{ t *testing.T }

func (p neverPaused) Pause(d time.Duration) {
	if d <= 0 || d > proxy.MaxPause {
		p.t.Errorf("paused for %s", d)
	}
}
func (neverPaused) Resume() bool         { return false }
func (neverPaused) Paused() *proxy.Pause { return nil }

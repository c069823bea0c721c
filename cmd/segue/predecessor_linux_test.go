package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"segue/backend/fesim"
)

// pretend is a Segue that offers sockets to one other, in these words. The sockets are those of the test's own listeners.
func pretend(t *testing.T, words string, listeners ...net.Listener) (path string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "segue") //nolint:usetesting // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "t.sock")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := ln.AcceptUnix()
			if err != nil {
				return
			}
			var fds []int
			for _, l := range listeners {
				_ = control(l, func(fd int) { fds = append(fds, fd) })
			}
			_, _, _ = conn.WriteMsgUnix([]byte(words), syscall.UnixRights(fds...), nil)
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-ended; os.RemoveAll(dir) })
	return path
}

// One that gives sockets of another network or another address is no Segue to be taken over from here; one that speaks otherwise is, and goes on.
func TestPredecessorThatDoesNotFit(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	offered, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: "@segue-test-" + ln.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer offered.Close()
	here, addr := network(), ln.Addr().String()
	for name, test := range map[string]struct {
		words, listen string
		want          string
		none          bool // no Segue: a start like any other
	}{
		"fits":              {`{"segue_takeover":2,"network":"` + here + `","sockets":["listen","offer"]}`, addr, "", false},
		"another network":   {`{"segue_takeover":2,"network":"net:[1]","sockets":["listen","offer"]}`, addr, "is in another network (net:[1], not ", true},
		"another address":   {`{"segue_takeover":2,"network":"` + here + `","sockets":["listen","offer"]}`, "127.0.0.1:1", "serves applications on " + addr, true},
		"another version":   {`{"segue_takeover":9,"something":["else"]}`, addr, "takes part in a takeover in another way (9, not 2)", false},
		"other sockets":     {`{"segue_takeover":2,"network":"` + here + `","sockets":["offer","listen"]}`, addr, "are needed", false},
		"fewer names":       {`{"segue_takeover":2,"network":"` + here + `","sockets":["listen"]}`, addr, "are needed", false},
		"none of the words": {"\x01", addr, "gives nothing: unexpected EOF", false},
		"no JSON":           {"[]\n", addr, "a message that is none", false},
		"nothing":           {"", addr, "gives nothing", false},
	} {
		t.Run(name, func(t *testing.T) {
			words := test.words
			if strings.HasPrefix(words, "{") {
				words += "\n"
			}
			s, p, err := takeOver(pretend(t, words, ln, offered), wanted{listen: at(test.listen)})
			defer s.close()
			switch {
			case test.want == "" && (err != nil || p == nil):
				t.Error(err)
			case test.want != "" && (err == nil || p != nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, errNoSegue) != test.none):
				t.Errorf("%v, want %q", err, test.want)
			}
			if p != nil {
				p.spare()
			}
		})
	}
}

// A foreign network's Segue at the place of the offer does not keep this one from starting.
func TestStartBesideAForeignNetwork(t *testing.T) {
	t.Parallel()
	path := pretend(t, `{"segue_takeover":2,"network":"net:[1]","sockets":[]}`+"\n")
	fes := frontends(t, 1, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "takeover: {socket: "+path+"}\n")), "--takeover")
	if err := once(s.addr); err != nil {
		t.Error(err)
	}
	if !strings.Contains(s.stderr.String(), `"msg":"nothing to take over: a start like any other"`) {
		t.Error("not said")
	}
}

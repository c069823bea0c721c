package proxy

import (
	"testing"
	"time"

	"segue/backend"
)

func TestSilent(t *testing.T) {
	const now = int64(time.Minute)
	at := func(st State, ago time.Duration) *session {
		return &session{state: st, since: now - int64(ago)}
	}
	for name, c := range map[string]struct {
		sessions []*session
		want     bool
	}{
		"nobody":                          {nil, false},
		"nobody waits":                    {[]*session{at(Idle, time.Hour), at(Pinned, time.Hour)}, false},
		"one has just asked":              {[]*session{at(Busy, time.Millisecond)}, false},
		"one waits":                       {[]*session{at(Busy, time.Second), at(Idle, time.Hour)}, true},
		"one waits to be greeted":         {[]*session{at(Dialing, time.Second)}, true},
		"another has just been answered":  {[]*session{at(Busy, time.Second), at(Idle, time.Millisecond)}, false},
		"… in its transaction":            {[]*session{at(Busy, time.Second), at(Pinned, time.Millisecond)}, false},
		"… has just been greeted":         {[]*session{at(Busy, time.Second), at(Authenticating, time.Millisecond)}, false},
		"who moves away waits for others": {[]*session{at(Moving, time.Second), at(Opaque, time.Second)}, false},
	} {
		f := &fold{sessions: c.sessions}
		if answers, waits := f.silence(now); (waits && !answers) != c.want {
			t.Errorf("%s: %v, %v", name, answers, waits)
		}
	}
}

// A client that waits makes a backend doubted that has no health URL, and no other.
func TestSilenceIsTold(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{"": true, "http://127.0.0.1:1/health": false} {
		told := make(chan string, 100)
		answer := make(chan struct{})
		spec := newPeer(t, func(c *peerConn) {
			if c.login() {
				_, _, _ = c.r.Next()
				<-answer
				c.send(1, peerOK)
				<-c.over
			}
		}).spec("a")
		spec.HealthURL = url
		p := startWith(t, []backend.Spec{spec}, func(r *backend.Registry) *Server {
			s := NewServer(r, Options{}, nil, nil)
			s.OnSilence = func(b *backend.Backend, _ error) { told <- b.Name() }
			return s
		})
		d := p.connect()
		if time.Sleep(2 * tendEvery); len(told) != 0 {
			t.Errorf("health URL %q: told though nobody waits", url)
		}
		d.query("DO SLEEP(9)")
		if want {
			if name := <-told; name != "a" {
				t.Errorf("told of %s", name)
			}
		} else if time.Sleep(3 * tendEvery); len(told) != 0 {
			t.Errorf("health URL %q: told", url)
		}
		close(answer)
		if _, err := d.row(); err != nil {
			t.Error(err)
		}
	}
}

package proxy

import (
	"errors"
	"fmt"

	"segue/backend/proxyheader"
)

// introduction is a connection from a network of proxies, which has yet to say whose it is. Nothing else is done for it before: no backend is asked for.
type introduction struct{ s *session }

// Why a connection from a network of proxies is refused: the values of a label.
const (
	headerMissing   = "missing"
	headerMalformed = "malformed"
	headerLate      = "timeout"
)

// introduce waits for the header.
func (s *session) introduce() {
	s.errand = &introduction{s}
	s.by(alarmErrand, s.w.now()+int64(s.w.server.options().connectTimeout()))
}

// fromClient takes what comes first. What stands behind the header is the client's.
func (i *introduction) fromClient(b []byte) {
	s := i.s
	n, err := proxyheader.Size(b)
	switch {
	case errors.Is(err, proxyheader.ErrMissing):
		i.refuse(headerMissing, err)
		return
	case err != nil:
		i.refuse(headerMalformed, err)
		return
	case n == 0:
		s.client.put(b)
		return
	}
	from, err := proxyheader.Read(b[:n])
	if err != nil {
		i.refuse(headerMalformed, err)
		return
	}
	if from.IsValid() { // otherwise it is the proxy's own connection
		s.client.from, s.client.port = from.Addr(), from.Port()
	}
	s.client.put(b[n:])
	s.due.clear(alarmErrand)
	s.connect(false) // where its client has been before is not known
}

// refuse ends the connection without a word: what would read it need not be a client.
func (i *introduction) refuse(reason string, err error) {
	s := i.s
	server := s.w.server
	server.metrics.headers.WithLabelValues(reason).Inc()
	server.log.Warn("connection refused that has to begin with a PROXY header", "session", s.id, "client", s.client.address(), "cause", err)
	end := Protocol
	if reason == headerLate {
		end = Timeout
	}
	s.endAs(end, err)
	s.finish()
}

// ring implements errand: it has taken too long.
func (i *introduction) ring() {
	i.refuse(headerLate, fmt.Errorf("no whole PROXY header in %s (connect.timeout)", i.s.w.server.options().connectTimeout()))
}

// abort implements errand.
func (i *introduction) abort() { i.s.due.clear(alarmErrand) }

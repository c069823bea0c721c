package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Kind is what is asked for.
type Kind = dnsmessage.Type

// The kinds.
const (
	A    = dnsmessage.TypeA
	AAAA = dnsmessage.TypeAAAA
	SRV  = dnsmessage.TypeSRV
)

// udpSize is how large an answer by UDP may be without being cut into fragments on any path: what the flag day of 2020 has agreed upon.
const udpSize = 1232

// The errors of an answer.
var (
	// ErrNone: the name is there, and has no record of this kind.
	ErrNone = errors.New("no such record")
	// ErrNoName: there is no such name.
	ErrNoName = errors.New("no such name")
	// ErrNotOurs: it answers something else than was asked.
	ErrNotOurs = errors.New("not an answer to the question")
	// ErrFormat: the server understands no extension (EDNS0); it is to be asked without (RFC 6891, 7).
	ErrFormat = errors.New("the name server answers FORMERR")
	// ErrTruncated: it did not fit; TCP is to be asked.
	ErrTruncated = errors.New("the answer was truncated")
)

// Target is one SRV record's.
type Target struct {
	Host     string // without a dot at its end
	Port     uint16
	Priority uint16
}

// Result is what a name server has answered.
type Result struct {
	Addresses []netip.Addr // of A or AAAA
	Targets   []Target     // of SRV
	TTL       time.Duration
}

// Ask makes a question, with an id that nobody can guess, and room for long answers if extended. The name is taken as it is, whole.
func Ask(id uint16, name string, kind Kind, extended bool) ([]byte, error) {
	n, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return nil, fmt.Errorf("%.80q is no name: %w", name, err)
	}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, RecursionDesired: true})
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(dnsmessage.Question{Name: n, Type: kind, Class: dnsmessage.ClassINET}); err != nil {
		return nil, err
	}
	if !extended {
		return b.Finish()
	}
	if err := b.StartAdditionals(); err != nil {
		return nil, err
	}
	var h dnsmessage.ResourceHeader
	if err := h.SetEDNS0(udpSize, dnsmessage.RCodeSuccess, false); err != nil {
		return nil, err
	}
	if err := b.OPTResource(h, dnsmessage.OPTResource{}); err != nil {
		return nil, err
	}
	return b.Finish()
}

// Read reads the answer to a question that Ask has made. Its TTL is the least of all records that led to it.
func Read(answer []byte, id uint16, name string, kind Kind) (r Result, err error) {
	var p dnsmessage.Parser
	h, err := p.Start(answer)
	if err != nil || h.ID != id || !h.Response {
		return Result{}, ErrNotOurs
	}
	if h.RCode == dnsmessage.RCodeFormatError { // an old server says no more than that
		return Result{}, ErrFormat
	}
	q, err := p.Question()
	if err != nil || q.Type != kind || !strings.EqualFold(q.Name.String(), strings.TrimSuffix(name, ".")+".") {
		return Result{}, ErrNotOurs
	}
	if err := p.SkipAllQuestions(); err != nil {
		return Result{}, ErrNotOurs
	}
	switch {
	case h.Truncated:
		return Result{}, ErrTruncated
	case h.RCode == dnsmessage.RCodeNameError:
		return Result{}, ErrNoName
	case h.RCode != dnsmessage.RCodeSuccess:
		return Result{}, fmt.Errorf("the name server answers %s", strings.ToUpper(strings.TrimPrefix(h.RCode.String(), "RCode")))
	}
	return readRecords(&p, kind)
}

// readRecords reads the records of an answer. Those that lead to another name (CNAME) bound the TTL.
func readRecords(p *dnsmessage.Parser, kind Kind) (r Result, err error) {
	first := true
	for {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return Result{}, fmt.Errorf("a malformed answer: %w", err)
		}
		if h.Type != kind && h.Type != dnsmessage.TypeCNAME || h.Class != dnsmessage.ClassINET {
			if err := p.SkipAnswer(); err != nil {
				return Result{}, fmt.Errorf("a malformed answer: %w", err)
			}
			continue
		}
		if ttl := time.Duration(h.TTL) * time.Second; first || ttl < r.TTL {
			r.TTL, first = ttl, false
		}
		if err := r.readRecord(p, h.Type); err != nil {
			return Result{}, fmt.Errorf("a malformed answer: %w", err)
		}
	}
	if len(r.Addresses)+len(r.Targets) == 0 {
		return Result{}, ErrNone
	}
	return r, nil
}

func (r *Result) readRecord(p *dnsmessage.Parser, kind Kind) error {
	switch kind {
	case A:
		a, err := p.AResource()
		r.Addresses = append(r.Addresses, netip.AddrFrom4(a.A))
		return err
	case AAAA:
		a, err := p.AAAAResource()
		r.Addresses = append(r.Addresses, netip.AddrFrom16(a.AAAA).Unmap())
		return err
	case SRV:
		s, err := p.SRVResource()
		if host := strings.TrimSuffix(s.Target.String(), "."); err == nil && host != "" && s.Port != 0 { // RFC 2782: "." is no service
			r.Targets = append(r.Targets, Target{Host: host, Port: s.Port, Priority: s.Priority})
		}
		return err
	default:
		return p.SkipAnswer()
	}
}

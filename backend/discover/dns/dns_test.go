package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"segue/backend/discover"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParseResolvConf(t *testing.T) {
	for text, want := range map[string]Conf{
		"": {Servers: []string{"127.0.0.1:53"}, Ndots: 1},
		"# none\n; none\nnameserver 10.96.0.10\nsearch db.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5 timeout:1\n": {
			Servers: []string{"10.96.0.10:53"}, Search: []string{"db.svc.cluster.local", "svc.cluster.local", "cluster.local"}, Ndots: 5,
		},
		"nameserver ::1\nnameserver fe80::1%eth0\nnameserver nonsense\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n": {
			Servers: []string{"[::1]:53", "[fe80::1%eth0]:53", "10.0.0.1:53"}, Ndots: 1,
		},
		"search a\ndomain b.\noptions ndots:99\noptions ndots:x\nnameserver\n": {Servers: []string{"127.0.0.1:53"}, Search: []string{"b"}, Ndots: 15},
	} {
		if got := ParseResolvConf(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\n got %+v\nwant %+v", text, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	cluster := Conf{Search: []string{"db.svc", "svc"}, Ndots: 5}
	for _, tt := range []struct {
		conf Conf
		name string
		want []string
	}{
		{cluster, "fe", []string{"fe.db.svc", "fe.svc", "fe"}},
		{cluster, "fe.", []string{"fe"}},
		{cluster, "a.b.c.d.e.f", []string{"a.b.c.d.e.f", "a.b.c.d.e.f.db.svc", "a.b.c.d.e.f.svc"}},
		{Conf{Ndots: 1}, "fe", []string{"fe"}},
		{Conf{Ndots: 1, Search: []string{"x"}}, "fe.y", []string{"fe.y", "fe.y.x"}},
	} {
		if got := tt.conf.Names(tt.name); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// record is one of a name server's.
type record struct {
	name string
	ttl  uint32
	body dnsmessage.ResourceBody
}

func a(name string, ttl uint32, ip string) record {
	return record{name, ttl, &dnsmessage.AResource{A: netip.MustParseAddr(ip).As4()}}
}

func aaaa(name string, ttl uint32, ip string) record {
	return record{name, ttl, &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(ip).As16()}}
}

func cname(name string, ttl uint32, to string) record {
	return record{name, ttl, &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(to)}}
}

func srv(name string, ttl uint32, target string, port uint16) record {
	return record{name, ttl, &dnsmessage.SRVResource{Target: dnsmessage.MustNewName(target), Port: port}}
}

// reply answers a question with records, whatever it asks for.
func reply(question []byte, rcode dnsmessage.RCode, truncated bool, records ...record) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(question)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: h.ID, Response: true, RCode: rcode, Truncated: truncated}, Questions: []dnsmessage.Question{q}}
	for _, r := range records {
		name := q.Name
		if r.name != "" {
			name = dnsmessage.MustNewName(r.name)
		}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: r.ttl}, Body: r.body})
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

func TestRead(t *testing.T) {
	ask := func(name string, kind Kind) []byte {
		q, err := Ask(7, name, kind, true)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	for _, tt := range []struct {
		name   string
		kind   Kind
		answer []byte
		want   Result
		err    error
	}{
		{
			"addresses", A, reply(ask("fe", A), 0, false, a("", 30, "10.0.0.1"), a("", 20, "10.0.0.2")),
			Result{Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}, TTL: 20 * time.Second},
			nil,
		},
		{
			"by another name", A, reply(ask("fe", A), 0, false, cname("fe.", 5, "x."), a("x.", 30, "10.0.0.1")),
			Result{Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, TTL: 5 * time.Second},
			nil,
		},
		{
			"of the other kind", AAAA, reply(ask("fe", AAAA), 0, false, aaaa("", 0, "fd00::1"), a("", 1, "10.0.0.1")),
			Result{Addresses: []netip.Addr{netip.MustParseAddr("fd00::1")}},
			nil,
		},
		{
			"targets", SRV, reply(ask("fe", SRV), 0, false, srv("", 9, "fe-0.db.", 9030), srv("", 9, ".", 0), srv("", 9, "fe-1.db.", 9031)),
			Result{Targets: []Target{{Host: "fe-0.db", Port: 9030}, {Host: "fe-1.db", Port: 9031}}, TTL: 9 * time.Second},
			nil,
		},
		{"no service", SRV, reply(ask("fe", SRV), 0, false, srv("", 9, ".", 0)), Result{}, ErrNone},
		{"nothing", A, reply(ask("fe", A), 0, false), Result{}, ErrNone},
		{"no name", A, reply(ask("fe", A), dnsmessage.RCodeNameError, false), Result{}, ErrNoName},
		{"cut", A, reply(ask("fe", A), 0, true, a("", 1, "10.0.0.1")), Result{}, ErrTruncated},
		{"another name", A, reply(ask("other", A), 0, false, a("", 1, "10.0.0.1")), Result{}, ErrNotOurs},
		{"another kind", A, reply(ask("fe", AAAA), 0, false, a("", 1, "10.0.0.1")), Result{}, ErrNotOurs},
		{"the question itself", A, ask("fe", A), Result{}, ErrNotOurs},
		{"no message", A, []byte("HTTP/1.1 400"), Result{}, ErrNotOurs},
	} {
		got, err := Read(tt.answer, 7, "FE", tt.kind)
		if !errors.Is(err, tt.err) || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
		if _, err := Read(tt.answer, 8, "fe", tt.kind); !errors.Is(err, ErrNotOurs) {
			t.Errorf("%s, to another question: %v", tt.name, err)
		}
		for cut := range tt.answer {
			_, _ = Read(tt.answer[:cut], 7, "fe", tt.kind) // does not panic
		}
	}
	if _, err := Read(reply(ask("fe", A), dnsmessage.RCodeServerFailure, false), 7, "fe", A); err == nil || !strings.Contains(err.Error(), "SERVERFAILURE") {
		t.Errorf("%v", err)
	}
	if _, err := Ask(1, strings.Repeat("x", 300), A, true); err == nil {
		t.Error("a name of 300 letters")
	}
}

func FuzzRead(f *testing.F) {
	q, _ := Ask(7, "fe", A, true)
	f.Add(reply(q, 0, false, cname("fe.", 5, "x."), a("x.", 30, "10.0.0.1")))
	q, _ = Ask(7, "fe", SRV, true)
	f.Add(reply(q, 0, false, srv("", 9, "fe-0.db.", 9030)))
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, kind := range []Kind{A, AAAA, SRV} {
			r, err := Read(answer, 7, "fe", kind)
			if err == nil && len(r.Addresses)+len(r.Targets) == 0 {
				t.Errorf("nothing, without an error: %q", answer)
			}
		}
	})
}

// nameServer is one that answers as the test says.
type nameServer struct {
	address string
	mu      sync.Mutex
	answer  func(question []byte, network string) []byte
	asked   map[string]int // network → questions
}

func (s *nameServer) set(answer func(question []byte, network string) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *nameServer) reply(question []byte, network string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[network]++
	if s.answer == nil {
		return nil
	}
	return s.answer(question, network)
}

func (s *nameServer) times(network string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[network]
}

func startNameServer(t *testing.T, answer func(question []byte, network string) []byte) *nameServer {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{address: tcp.Addr().String(), answer: answer, asked: map[string]int{}}
	var wg sync.WaitGroup
	t.Cleanup(func() { tcp.Close(); udp.Close(); wg.Wait() })
	wg.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := udp.ReadFrom(buf)
			if err != nil {
				return
			}
			if b := s.reply(buf[:n], "udp"); b != nil {
				_, _ = udp.WriteTo([]byte("not an answer at all"), from)
				_, _ = udp.WriteTo(b, from)
			}
		}
	})
	wg.Go(func() {
		for {
			nc, err := tcp.Accept()
			if err != nil {
				return
			}
			var size [2]byte
			_, _ = io.ReadFull(nc, size[:])
			question := make([]byte, binary.BigEndian.Uint16(size[:]))
			_, _ = io.ReadFull(nc, question)
			b := s.reply(question, "tcp")
			_, _ = nc.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
			nc.Close()
		}
	})
	return s
}

func kindOf(question []byte) Kind {
	var p dnsmessage.Parser
	_, _ = p.Start(question)
	q, _ := p.Question()
	return q.Type
}

func nameOf(question []byte) string {
	var p dnsmessage.Parser
	_, _ = p.Start(question)
	q, _ := p.Question()
	return q.Name.String()
}

func shown(answer discover.Answer) string {
	var list []string
	for _, f := range answer.Found {
		list = append(list, f.Address)
	}
	slices.Sort(list)
	text := strings.Join(list, " ")
	if answer.Partial {
		text += " …"
	}
	if answer.Err != nil {
		text = "failed"
	}
	return text
}

// What two name servers know comes together; who fails hides nothing, and who knows nothing takes nothing away.
func TestSourceLooks(t *testing.T) {
	addresses := func(ips ...string) func([]byte, string) []byte {
		return func(q []byte, _ string) []byte {
			var list []record
			for _, ip := range ips {
				if r := a("", 30, ip); kindOf(q) == A {
					list = append(list, r)
				}
			}
			return reply(q, 0, false, list...)
		}
	}
	failing := func(q []byte, _ string) []byte { return reply(q, dnsmessage.RCodeServerFailure, false) }
	noName := func(q []byte, _ string) []byte { return reply(q, dnsmessage.RCodeNameError, false) }
	only6 := func(q []byte, _ string) []byte {
		if kindOf(q) == AAAA {
			return reply(q, 0, false, aaaa("", 30, "fd00::1"))
		}
		return reply(q, 0, false)
	}
	half := func(q []byte, _ string) []byte {
		if kindOf(q) == AAAA {
			return reply(q, 0, false, aaaa("", 30, "fd00::1"))
		}
		return reply(q, dnsmessage.RCodeServerFailure, false)
	}
	long := func(q []byte, network string) []byte {
		if network == "udp" {
			return reply(q, 0, true, a("", 30, "10.0.0.1"))
		}
		return addresses("10.0.0.1", "10.0.0.2")(q, network)
	}
	searched := func(q []byte, network string) []byte {
		if nameOf(q) != "fe.svc." {
			return noName(q, network)
		}
		return addresses("10.0.0.9")(q, network)
	}
	for _, tt := range []struct {
		name          string
		first, second func([]byte, string) []byte
		want          string
	}{
		{"one", addresses("10.0.0.1"), addresses("10.0.0.1"), "10.0.0.1:9030"},
		{"one knows more", addresses("10.0.0.1"), addresses("10.0.0.1", "10.0.0.2"), "10.0.0.1:9030 10.0.0.2:9030"},
		{"one fails", failing, addresses("10.0.0.1"), "10.0.0.1:9030"},
		{"one knows nothing", noName, addresses("10.0.0.1"), "10.0.0.1:9030"},
		{"both know nothing", noName, noName, "failed"},
		{"both fail", failing, failing, "failed"},
		{"by IPv6 alone", only6, only6, "[fd00::1]:9030"},
		{"of IPv4 nothing is known", half, half, "failed"},
		{"too long for UDP", long, noName, "10.0.0.1:9030 10.0.0.2:9030"},
		{"by the search list", searched, noName, "10.0.0.9:9030"},
	} {
		one, two := startNameServer(t, tt.first), startNameServer(t, tt.second)
		conf := filepath.Join(t.TempDir(), "resolv.conf")
		if err := os.WriteFile(conf, []byte("search db.svc svc\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s := &Source{Name: "fe:9030", Interval: time.Minute, Resolver: Resolver{Servers: []string{one.address, two.address}, ConfPath: conf}}
		got, _ := s.look(t.Context())
		if shown(got) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.name, shown(got), got.Err, tt.want)
		}
		if used := one.times("tcp") > 0; used != (tt.name == "too long for UDP") {
			t.Errorf("%s: TCP was used: %t", tt.name, used)
		}
	}
	// One that knew something and is silent now may know it still.
	one, two := startNameServer(t, addresses("10.0.0.1")), startNameServer(t, addresses("10.0.0.2"))
	s := &Source{Name: "fe:9030", Interval: time.Minute, Resolver: Resolver{Servers: []string{one.address, two.address}}}
	_, _ = s.look(t.Context())
	two.set(failing)
	if got, _ := s.look(t.Context()); shown(got) != "10.0.0.1:9030 …" {
		t.Errorf("one has become silent: %s", shown(got))
	}
	two.set(nil)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if got, _ := s.look(ctx); got.Err == nil && !got.Partial || time.Since(began) > time.Second {
		t.Errorf("one says nothing: %s, after %s", shown(got), time.Since(began))
	}
}

// A source tells what it finds, again when the TTL is over, and ends with its context.
func TestSourceFollowsTTL(t *testing.T) {
	answer := func(target string) func([]byte, string) []byte {
		return func(q []byte, _ string) []byte { return reply(q, 0, false, srv("", 0, target, 9030)) }
	}
	server := startNameServer(t, answer("fe-0.db."))
	s := &Source{Name: "_mysql._tcp.db", Interval: time.Minute, Resolver: Resolver{Servers: []string{server.address}}}
	told := make(chan string)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Run(ctx, func(a discover.Answer) {
			select {
			case told <- shown(a):
			case <-ctx.Done():
			}
		})
	}()
	if got := <-told; got != "fe-0.db:9030" {
		t.Errorf("at first: %s", got)
	}
	server.set(answer("fe-1.db."))
	if got := <-told; got != "fe-1.db:9030" {
		t.Errorf("then: %s", got)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if s.Kind() != "dns" || s.String() != "dns _mysql._tcp.db" {
		t.Errorf("%s, %s", s.Kind(), s.String())
	}
}

// The search list goes on where there is nothing, not where nothing could be found out; and the name that has answered once is asked for from then on.
func TestLookupStays(t *testing.T) {
	var mu sync.Mutex
	codes := map[string]dnsmessage.RCode{"fe.svc.": dnsmessage.RCodeServerFailure}
	set := func(name string, code dnsmessage.RCode) {
		mu.Lock()
		defer mu.Unlock()
		codes[name] = code
	}
	s := startNameServer(t, func(q []byte, _ string) []byte {
		mu.Lock()
		defer mu.Unlock()
		if code := codes[nameOf(q)]; code != 0 {
			return reply(q, code, false)
		}
		return reply(q, 0, false, a("", 30, map[string]string{"fe.svc.": "10.0.0.1", "fe.": "10.0.0.2"}[nameOf(q)]))
	})
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("search svc\noptions ndots:5\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := &Resolver{Servers: []string{s.address}, ConfPath: conf}
	look := func() string {
		found, _, err := r.Lookup(t.Context(), "fe", A)
		if err != nil {
			return "failed"
		}
		return fmt.Sprint(found.Addresses)
	}
	if got := look(); got != "failed" {
		t.Errorf("behind a failure: %s", got)
	}
	set("fe.svc.", dnsmessage.RCodeNameError)
	if got := look(); got != "[10.0.0.2]" {
		t.Errorf("behind a name that is not there: %s", got)
	}
	set("fe.svc.", 0)
	if got := look(); got != "[10.0.0.2]" {
		t.Errorf("another name has answered first: %s", got)
	}
	set("fe.", dnsmessage.RCodeNameError)
	if got := look(); got != "failed" {
		t.Errorf("another name is taken: %s", got)
	}
}

// An old server, or a middle box, refuses what it does not know: it is asked without.
func TestServerWithoutExtensions(t *testing.T) {
	s := startNameServer(t, func(q []byte, _ string) []byte {
		if binary.BigEndian.Uint16(q[10:]) > 0 { // ARCOUNT
			return append(append([]byte(nil), q[:2]...), 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0) // a header alone: QR, RD, RA, FORMERR
		}
		return reply(q, 0, false, a("fe.", 30, "10.0.0.1"))
	})
	r, err := exchange(t.Context(), s.address, "fe", A)
	if err != nil || len(r.Addresses) != 1 || r.Addresses[0].String() != "10.0.0.1" {
		t.Errorf("%+v, %v", r, err)
	}
}

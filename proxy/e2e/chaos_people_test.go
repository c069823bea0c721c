package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"segue/backend/wire"
	"segue/backend/wire/wiretest"
)

const stranger = "stranger" // an account without rights, and whose password Segue does not know

// crowds are connections to an address, each of which says what there is to say at first, and reads nothing.
func crowds(t *testing.T, network, address string, n int, says ...string) (leave func()) {
	t.Helper()
	var all []net.Conn
	for i := range n {
		c, err := net.DialTimeout(network, address, time.Second)
		if err != nil {
			break // it takes no more
		}
		all = append(all, c)
		if len(says) > 0 {
			_ = c.SetWriteDeadline(time.Now().Add(time.Millisecond))
			_, _ = io.WriteString(c, says[i%len(says)])
		}
	}
	return func() {
		for _, c := range all {
			_ = c.Close()
		}
	}
}

// comeHostile has clients say what none should, for a while.
func comeHostile(t *testing.T, address string, seed uint64, lasts time.Duration) {
	t.Helper()
	responses, proofs, commands := wiretest.Hostile(t, wiretest.Client, wiretest.Response), wiretest.Hostile(t, wiretest.Client, wiretest.Proof), wiretest.Hostile(t, wiretest.Client, wiretest.Command)
	end := time.Now().Add(lasts)
	var all sync.WaitGroup
	for i := range 12 {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		all.Go(func() {
			for time.Now().Before(end) {
				c, err := net.DialTimeout("tcp", address, time.Second)
				if err != nil {
					continue
				}
				_ = c.SetDeadline(time.Now().Add(50*time.Millisecond + time.Duration(random.IntN(400))*time.Millisecond))
				intrude(c.(*net.TCPConn), random, responses, proofs, commands)
				_ = c.Close()
			}
		})
	}
	all.Wait()
}

// intrude is one connection of a hostile client's.
func intrude(c *net.TCPConn, random *rand.Rand, responses, proofs, commands []wiretest.Said) {
	say := func(list []wiretest.Said, seq uint8) {
		b := list[random.IntN(len(list))].Append(nil, seq)
		if random.IntN(4) == 0 && len(b) > 0 {
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		}
		_, _ = c.Write(b)
	}
	r := wire.NewReader(c, 1<<20)
	if random.IntN(8) > 0 {
		if _, _, err := r.Next(); err != nil {
			return
		}
	}
	if random.IntN(2) == 0 {
		say(responses, 1)
	} else {
		hello := wire.HandshakeResponse41{
			Capabilities: wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth | wire.ClientTransactions | wire.ClientMultiResults, MaxPacketSize: 1 << 24,
			Charset: 33, Username: stranger, AuthPlugin: wire.PluginNativePassword,
		}
		b, _ := wire.AppendPacket(nil, 1, hello.Append(nil))
		_, _ = c.Write(b)
		payload, seq, err := r.Next()
		if err == nil && len(payload) > 0 && payload[0] == 0xfe {
			say(proofs, seq+1)
			_, _, err = r.Next()
		}
		for n := random.IntN(12); err == nil && n > 0; n-- {
			say(commands, 0)
		}
	}
	if random.IntN(4) == 0 {
		_ = c.SetLinger(0)
	}
	if random.IntN(2) == 0 {
		_, _ = io.Copy(io.Discard, c)
	}
}

// liar is a backend that greets as a real one does, most of the time, and lets nobody in but the stranger; whatever else it says none should.
type liar struct {
	ln                                    net.Listener
	greeting                              []byte // a real one's
	greetings, verdicts, questions, other []wiretest.Said
}

// startLiar starts one, which greets as the server at an address.
func startLiar(t *testing.T, as string) *liar {
	t.Helper()
	c, err := net.Dial("tcp", as)
	if err != nil {
		t.Fatalf("see a greeting: %v", err)
	}
	payload, _, err := wire.NewReader(c, 1<<16).Next()
	_ = c.Close()
	if err != nil {
		t.Fatalf("see a greeting: %v", err)
	}
	l := &liar{
		greeting: payload, greetings: wiretest.Hostile(t, wiretest.Server, wiretest.Greeting), verdicts: wiretest.Hostile(t, wiretest.Server, wiretest.Verdict),
		questions: wiretest.Hostile(t, wiretest.Server, wiretest.Question), other: wiretest.Hostile(t, wiretest.Server, wiretest.Answer),
	}
	if l.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.ln.Close() })
	go l.run(rand.New(rand.NewPCG(*seed, 6)))
	return l
}

func (l *liar) run(random *rand.Rand) {
	for {
		c, err := l.ln.Accept()
		if err != nil {
			return
		}
		go l.serve(c.(*net.TCPConn), rand.New(rand.NewPCG(random.Uint64(), 7)))
	}
}

func (l *liar) serve(c *net.TCPConn, random *rand.Rand) {
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(3 * time.Second))
	say := func(list []wiretest.Said, seq uint8) { _, _ = c.Write(list[random.IntN(len(list))].Append(nil, seq)) }
	if random.IntN(6) == 0 {
		say(l.greetings, 0)
		if random.IntN(2) == 0 {
			return
		}
	} else {
		b, _ := wire.AppendPacket(nil, 0, l.greeting)
		_, _ = c.Write(b)
	}
	r := wire.NewReader(c, 1<<20)
	payload, seq, err := r.Next()
	var hello wire.HandshakeResponse41
	if err != nil || hello.Decode(payload) != nil {
		return
	}
	if hello.Username != stranger {
		say(l.verdicts, seq+1)
		_, _, _ = r.Next()
		return
	}
	for n := random.IntN(3); n > 0; n-- {
		say(l.questions, seq+1)
		if _, seq, err = r.Next(); err != nil {
			return
		}
	}
	b, _ := wire.AppendPacket(nil, seq+1, []byte{0, 0, 0, 2, 0, 0, 0})
	_, _ = c.Write(b)
	for {
		if _, seq, err = r.Next(); err != nil {
			return
		}
		say(l.other, seq+1)
	}
}

func (l *liar) String() string { return fmt.Sprintf("liar at %s", l.ln.Addr()) }

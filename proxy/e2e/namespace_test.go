package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// namespace is a network of its own, at the other end of a cable that can be pulled out: then nothing arrives any more, and nobody is told.
type namespace struct {
	name          string
	near, address string // of this end, and of the other
}

// newNamespace makes one, which takes root's rights. It is removed with the test.
func newNamespace(t *testing.T) *namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("a network namespace takes root's rights: run the tests as root")
	}
	id := rand.IntN(1 << 16)
	cable := fmt.Sprintf("sg%04x", id)
	n := &namespace{
		name: "segue-" + cable, near: fmt.Sprintf("10.213.%d.%d", id>>8, id&0xfc|1), address: fmt.Sprintf("10.213.%d.%d", id>>8, id&0xfc|2),
	}
	ip(t, "netns add "+n.name)
	t.Cleanup(func() { ip(t, "netns del "+n.name) })
	ip(t, "link add "+cable+" type veth peer name far netns "+n.name)
	t.Cleanup(func() { ip(t, "link del "+cable) })
	ip(t, "addr add "+n.near+"/30 dev "+cable)
	ip(t, "link set "+cable+" up")
	ip(t, "-n "+n.name+" addr add "+n.address+"/30 dev far")
	ip(t, "-n "+n.name+" link set far up")
	return n
}

func ip(t *testing.T, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Errorf("ip %s: %v: %s", args, err, out)
	}
}

// pull pulls the cable out: the other end still hears, and nothing that it says arrives. plug puts it in again.
func (n *namespace) pull(t *testing.T) {
	t.Helper()
	ip(t, "-n "+n.name+" route add blackhole "+n.near+"/32")
}

func (n *namespace) plug(t *testing.T) {
	t.Helper()
	ip(t, "-n "+n.name+" route del blackhole "+n.near+"/32")
}

// listen listens in the namespace: the sockets of a thread are those of the network that it is in. The thread comes back: would it end, with a
// goroutine that keeps it locked, so would each server that it has started (Pdeathsig).
func (n *namespace) listen(t *testing.T) net.Listener {
	t.Helper()
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatalf("listen in namespace: %v", err)
	}
	defer func() { _ = home.Close() }()
	away, err := os.Open("/var/run/netns/" + n.name)
	if err != nil {
		t.Fatalf("listen in namespace: %v", err)
	}
	defer func() { _ = away.Close() }()
	if err := unix.Setns(int(away.Fd()), unix.CLONE_NEWNET); err != nil {
		t.Fatalf("enter namespace: %v", err)
	}
	ln, err := net.Listen("tcp", n.address+":0")
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		t.Fatalf("leave namespace: %v", back) // and the thread stays locked: it is of no use to others
	}
	runtime.UnlockOSThread()
	if err != nil {
		t.Fatalf("listen in namespace: %v", err)
	}
	return ln
}

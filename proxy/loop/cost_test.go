package loop

import (
	"io"
	"net"
	"runtime"
	"testing"
	"unsafe"
)

// A statement and its answer cost the relay no allocation.
func TestNoAllocationPerMessage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("goroutines feed the loop here")
	}
	l := start(t, Options{})
	_, at := through(t, l, "tcp", server(t, "tcp", echo))
	nc := dialTo(t, at)
	b := make([]byte, 64)
	if n := testing.AllocsPerRun(1000, func() { ping(nc, b) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	_ = nc.Close()
	left(t, l)
}

func ping(nc net.Conn, b []byte) {
	_, _ = nc.Write(b)
	_, _ = io.ReadFull(nc, b)
}

// An idle session is two connections and what its owner has.
func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Conn{}); n > 48 {
		t.Errorf("a Conn has %d bytes", n)
	}
	if n := unsafe.Sizeof(Timer{}); n > 32 {
		t.Errorf("a Timer has %d bytes", n)
	}
}

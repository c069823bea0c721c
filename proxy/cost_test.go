package proxy

import (
	"testing"
	"unsafe"
)

// An idle session is little more than these two. They fill what the allocator rounds up to, and it rounds up anew beyond: a pointer more costs sixty-four bytes, or
// sixteen.
func TestIdleSessionsSize(t *testing.T) {
	if n := unsafe.Sizeof(session{}); n > 632 { // and eight that the allocator keeps with what is larger than 512 bytes and has pointers
		t.Errorf("a session has %d bytes", n)
	}
	if n := unsafe.Sizeof(link{}); n > 144 {
		t.Errorf("a link has %d bytes", n)
	}
}

//go:build !unix

package fesim

import (
	"fmt"
	"net"
)

// reserve chooses a port but cannot hold it while the FE is down.
func reserve(address string) (*port, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("reserve port: %w", err)
	}
	defer ln.Close()
	return &port{address: ln.Addr().String()}, nil
}

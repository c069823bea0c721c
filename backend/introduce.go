package backend

import (
	"context"
	"net"
	"net/netip"

	"segue/backend/dial"
	"segue/backend/proxyheader"
)

// ProxyProtocol is the header with which every connection to the backend is to begin.
func (b *Backend) ProxyProtocol() proxyheader.Version { return b.status.Load().ProxyProtocol }

// Dial connects to the backend's MySQL address for Segue's own purposes, and says so first where the backend is told whose its connections are.
func (b *Backend) Dial(ctx context.Context) (net.Conn, error) {
	conn, err := dial.Dialer{}.Dial(ctx, b.address, b.Reached())
	if err != nil {
		return nil, err
	}
	header := proxyheader.Append(nil, b.ProxyProtocol(), netip.AddrPort{}, netip.AddrPort{})
	if len(header) == 0 {
		return conn, nil
	}
	if _, err := conn.Write(header); err != nil { // it fits into any buffer
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

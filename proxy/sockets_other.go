//go:build !linux

package proxy

import "net"

// Off Linux the times of keepalive are the system's, and TCP's own timeouts must do.

func setKeepAliveTimes(int, net.KeepAliveConfig) {}

func setTight(int, bool) {}

func acknowledgements(int) peerInfo { return peerInfo{} }

func peerProcess(int) string { return "" }

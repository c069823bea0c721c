//go:build !linux

package proxy

// tighten does nothing: the option is Linux's.
func (*conn) tighten(bool) {}

//go:build !linux

package main

import "syscall"

// asSibling is for systemd.
func asSibling(*syscall.SysProcAttr) {}

//go:build !linux

package loop

import "testing"

func watched(*testing.T, *Loop) []string { return nil }

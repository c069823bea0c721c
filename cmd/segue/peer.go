package main

import (
	"fmt"
	"strconv"
	"strings"
)

// sameUser tells whether the process at the other end of a socket is this user's, and if not, why. overflow is the number by which the
// kernel shows every user that has none in this user namespace: it is nobody's, not even of a process whose own it is.
func sameUser(uid, own, overflow int) error {
	switch {
	case uid == overflow:
		return fmt.Errorf("it shows as user %d, which stands for every user that has no number here (kernel.overflowuid)", uid)
	case uid != own:
		return fmt.Errorf("it is user %d's, this is user %d's; start it as the same user", uid, own)
	}
	return nil
}

// overflowUID is that number.
func overflowUID(read func(path string) ([]byte, error)) int {
	const usual = 65534
	text, err := read("/proc/sys/kernel/overflowuid")
	if err != nil {
		return usual
	}
	uid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return usual
	}
	return uid
}

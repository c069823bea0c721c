package main

import "syscall"

// asSibling has a process that is started be a child of the one that has started this one. Of a main process that is not its own child systemd does not
// wait for the end (main_pid_alien): it would be killed right behind its SIGTERM.
func asSibling(attr *syscall.SysProcAttr) { attr.Cloneflags |= syscall.CLONE_PARENT }

package main

import (
	"fmt"
	"io/fs"
	"os"
)

// privateMode is that of a socket which its own user alone may connect to.
const privateMode = 0o600

// permitter sets the permissions of a file that has been opened, whatever its path is by now.
type permitter interface {
	chgrp(gid int) error
	chmod(mode fs.FileMode) error
}

// permit gives a socket its group, the process's if that is empty, and its mode. On the way it is open to nobody whom neither the old nor the new permissions let.
func (f *socketFile) permit(mode fs.FileMode, group, key string) error {
	gid := os.Getegid()
	if group != "" {
		var err error
		if gid, err = groupID(group); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return f.opened(func(has fs.FileInfo, p permitter) error { return setPermissions(p, has, mode, gid) })
}

// setPermissions has a file get what it has not.
func setPermissions(p permitter, has fs.FileInfo, mode fs.FileMode, gid int) error {
	now := has.Mode().Perm()
	if groupOf(has) != gid {
		if both := now & mode; both != now { // another group would have the old mode for a moment
			if err := p.chmod(both); err != nil {
				return err
			}
			now = both
		}
		if err := p.chgrp(gid); err != nil {
			return err
		}
	}
	if now == mode {
		return nil
	}
	return p.chmod(mode)
}

// checkOurs tells whether what is at the path is still the socket that has been bound there: in a folder that others may write to it may be anything.
func (f *socketFile) checkOurs(found fs.FileInfo) error {
	if found.Mode().Type() != fs.ModeSocket || f.is == nil || !os.SameFile(f.is, found) {
		return fmt.Errorf("%s is another file by now", f.path)
	}
	return nil
}

//go:build !linux

package main

import (
	"io/fs"
	"os"
)

// opened lets do set the permissions of the socket's file. Between the look at it and the change another file could take its place: only Linux has what prevents that.
func (f *socketFile) opened(do func(has fs.FileInfo, p permitter) error) error {
	found, err := os.Lstat(f.path)
	if err != nil {
		return err
	}
	if err := f.checkOurs(found); err != nil {
		return err
	}
	return do(found, filePath(f.path))
}

type filePath string

func (path filePath) chgrp(gid int) error          { return os.Lchown(string(path), -1, gid) }
func (path filePath) chmod(mode fs.FileMode) error { return os.Chmod(string(path), mode) }

// groupOf cannot tell: the group is set in any case.
func groupOf(fs.FileInfo) int { return -1 }

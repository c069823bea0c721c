package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers itself
	_ "github.com/goreleaser/nfpm/v2/rpm" // likewise
)

// input is what packages are made of.
type input struct {
	binary, arch, version, man, completion, deploy, maintainer string
	compression                                                string // gzip or xz, which is a tenth smaller and takes ten times as long
	time                                                       time.Time
}

// pack writes packages in some formats, with commas, into a folder, and returns their paths.
func (in input) pack(out, formats string) (made []string, err error) {
	if in.version, err = packageVersion(in.version); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"amd64", "arm64"}, in.arch) {
		return nil, fmt.Errorf("-arch %q: amd64 or arm64", in.arch)
	}
	if err := fits(in.binary, "linux", in.arch); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	for format := range strings.SplitSeq(formats, ",") {
		path, err := in.write(out, format)
		if err != nil {
			return made, fmt.Errorf("make the %s: %w", format, err)
		}
		made = append(made, path)
	}
	return made, nil
}

// fits is an error unless a program is for a platform, and needs no library of it. What is no Go program, a stand-in for one, cannot tell.
func fits(path, os, arch string) error {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil
	}
	built := make(map[string]string)
	for _, s := range info.Settings {
		built[s.Key] = s.Value
	}
	switch {
	case built["GOOS"] != os || built["GOARCH"] != arch:
		return fmt.Errorf("%s is built for %s/%s, and is to be for %s/%s", path, built["GOOS"], built["GOARCH"], os, arch)
	case built["CGO_ENABLED"] != "0":
		return fmt.Errorf("%s needs the libraries of the machine that it was built on; build it with CGO_ENABLED=0", path)
	}
	return nil
}

// write makes one.
func (in input) write(out, format string) (path string, err error) {
	packager, err := nfpm.Get(format)
	if err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp("", "segue-package")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	s := &stage{input: in, folder: scratch, format: format}
	info := nfpm.WithDefaults(s.info())
	if err := errors.Join(s.errs...); err != nil {
		return "", err
	}
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return "", err
	}
	path = filepath.Join(out, packager.ConventionalFileName(info))
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	if err := packager.Package(info, file); err != nil {
		_ = file.Close()
		_ = os.Remove(path)
		return "", err
	}
	return path, file.Close()
}

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/files"
)

// stage lays out what one package holds. What goes wrong is kept.
type stage struct {
	input
	folder string // for what is made on the way
	format string
	list   files.Contents
	errs   []error
}

const (
	summary = "load balancer for MySQL protocols that hides restarts of servers"
	// details follows the summary, in lines of a control file.
	details = `Segue stands between an application and the MySQL port of a cluster:
StarRocks, Doris, TiDB, MySQL or MariaDB. It probes every backend, is off one
that leaves at its first sign, hides failed connection attempts, and takes
sessions to another backend at a statement boundary, so that a cluster can be
upgraded server by server while applications see no error.`
)

// info describes the package.
func (s *stage) info() *nfpm.Info {
	s.layOut()
	info := &nfpm.Info{
		Name: "segue", Arch: s.arch, Platform: "linux",
		Version: s.version, VersionSchema: "none", Release: "1",
		Section: "database", Priority: "optional",
		Maintainer: s.maintainer, Vendor: "The Segue authors",
		Description: summary + "\n" + details,
		MTime:       s.time,
		Overridables: nfpm.Overridables{
			Contents: s.list, Umask: 0o022, Scripts: s.scripts(),
			Deb: nfpm.Deb{Compression: s.compression},
			RPM: nfpm.RPM{Summary: strings.ToUpper(summary[:1]) + summary[1:], Group: "Applications/Databases", BuildHost: "localhost", Compression: s.compression},
		},
	}
	if s.format == "rpm" {
		info.Description = details
		info.License = "Apache-2.0"                  // dpkg knows no such field: it has the file copyright
		info.Depends = []string{"/usr/sbin/useradd"} // by its path: distributions have it in packages of different names
	} else {
		info.Depends = []string{"passwd"}
	}
	return info
}

// scripts are what the package's manager runs.
func (s *stage) scripts() nfpm.Scripts {
	script := func(name string) string {
		b, err := os.ReadFile(filepath.Join(s.deploy, "packages", s.format, name))
		if err != nil {
			s.errs = append(s.errs, err)
		}
		return s.made("script-"+name, bytes.ReplaceAll(b, []byte("@VERSION@"), []byte(s.version)))
	}
	if s.format == "rpm" {
		return nfpm.Scripts{PreInstall: script("pre"), PostInstall: script("post"), PreRemove: script("preun"), PostRemove: script("postun")}
	}
	return nfpm.Scripts{PostInstall: script("postinst"), PreRemove: script("prerm"), PostRemove: script("postrm")}
}

// layOut names every file.
func (s *stage) layOut() {
	own := filepath.Join(s.deploy, "packages", "files")
	const doc = "/usr/share/doc/segue/"
	s.add(s.binary, "/usr/bin/segue", 0o755)
	s.config(filepath.Join(own, "segue.yaml"))
	s.add(filepath.Join(s.deploy, "systemd", "segue.service"), "/usr/lib/systemd/system/segue.service", 0o644)
	s.add(filepath.Join(s.deploy, "systemd", "segue.socket"), "/usr/lib/systemd/system/segue.socket", 0o644)
	s.add(filepath.Join(s.deploy, "systemd", "segue-load.socket"), "/usr/lib/systemd/system/segue-load.socket", 0o644)
	s.add(filepath.Join(s.deploy, "systemd", "segue.sysusers"), "/usr/lib/sysusers.d/segue.conf", 0o644)
	s.completions()
	s.manual()
	s.add(filepath.Join(s.deploy, "segue.example.yaml"), doc+"examples/segue.example.yaml", 0o644)
	s.add(filepath.Join(s.deploy, "segue.schema.json"), doc+"examples/segue.schema.json", 0o644)
	s.add(filepath.Join(own, "60-segue.conf"), doc+"examples/60-segue.conf", 0o644)
	license := filepath.Join(s.deploy, "..", "LICENSE")
	if s.format == "rpm" {
		s.list = append(s.list, &files.Content{Source: s.exists(license), Destination: "/usr/share/licenses/segue/LICENSE", Type: files.TypeRPMLicense, FileInfo: &files.ContentFileInfo{Mode: 0o644, MTime: s.time}})
		return
	}
	s.add(filepath.Join(s.deploy, "packages", "deb", "copyright"), doc+"copyright", 0o644)
	s.add(filepath.Join(s.deploy, "packages", "deb", "lintian-overrides"), "/usr/share/lintian/overrides/segue", 0o644)
	s.list = append(s.list, &files.Content{
		Source: s.exists(filepath.Join(s.deploy, "packages", "deb", "needrestart.conf")), Destination: "/etc/needrestart/conf.d/segue.conf", Type: files.TypeConfigNoReplace,
		FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: 0o644, MTime: s.time},
	})
	s.add(s.made("changelog", s.zipped(s.changelog())), doc+"changelog.Debian.gz", 0o644)
}

// changelog is of the one version that the package is of: what has changed is told where releases are.
func (s *stage) changelog() []byte {
	return fmt.Appendf(nil, "segue (%s-1) unstable; urgency=medium\n\n  * Release %s.\n\n -- %s  %s\n",
		s.version, s.version, s.maintainer, s.time.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
}

// config is the configuration, which is the administrator's from the first installation on. It may hold passwords, and Segue has to read it.
func (s *stage) config(source string) {
	group := "root"
	if s.format == "rpm" {
		group = "segue" // dpkg unpacks before there is a user: postinst sees to it
	}
	s.list = append(s.list, &files.Content{
		Source: s.exists(source), Destination: "/etc/segue/segue.yaml", Type: files.TypeConfigNoReplace,
		FileInfo: &files.ContentFileInfo{Owner: "root", Group: group, Mode: 0o640, MTime: s.time},
	})
}

func (s *stage) completions() {
	zsh := "/usr/share/zsh/vendor-completions/_segue"
	if s.format == "rpm" {
		zsh = "/usr/share/zsh/site-functions/_segue"
	}
	for name, destination := range map[string]string{
		"segue.bash": "/usr/share/bash-completion/completions/segue", "_segue": zsh, "segue.fish": "/usr/share/fish/vendor_completions.d/segue.fish",
	} {
		s.add(filepath.Join(s.completion, name), destination, 0o644)
	}
}

func (s *stage) manual() {
	pages, _ := filepath.Glob(filepath.Join(s.man, "*.1")) // the pattern is good
	if len(pages) == 0 {
		s.errs = append(s.errs, fmt.Errorf("-man %q has no page: segue man DIR writes them", s.man))
	}
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			s.errs = append(s.errs, err)
		}
		name := filepath.Base(page) + ".gz"
		s.add(s.made(name, s.zipped(b)), path.Join("/usr/share/man/man1", name), 0o644)
	}
}

// add has a file in the package.
func (s *stage) add(source, destination string, mode os.FileMode) {
	kind := files.TypeFile
	if s.format == "rpm" && (strings.HasPrefix(destination, "/usr/share/man/") || strings.HasPrefix(destination, "/usr/share/doc/")) {
		kind = files.TypeRPMDoc
	}
	s.list = append(s.list, &files.Content{
		Source: s.exists(source), Destination: destination, Type: kind,
		FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: s.time},
	})
}

// exists returns the path of a file that must be there.
func (s *stage) exists(source string) string {
	switch info, err := os.Stat(source); {
	case err != nil && strings.HasPrefix(source, s.completion):
		s.errs = append(s.errs, fmt.Errorf("%w: segue completion bash, zsh and fish print segue.bash, _segue and segue.fish", err))
	case err != nil:
		s.errs = append(s.errs, err)
	case !info.Mode().IsRegular():
		s.errs = append(s.errs, fmt.Errorf("%s is no file", source))
	}
	return source
}

// made writes a file to be packed and returns its path.
func (s *stage) made(name string, content []byte) string {
	to := filepath.Join(s.folder, name)
	if err := os.WriteFile(to, content, 0o644); err != nil {
		s.errs = append(s.errs, err)
	}
	return to
}

// zipped is content as gzip -9n has it: without name and time.
func (s *stage) zipped(content []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		s.errs = append(s.errs, err)
	}
	return b.Bytes()
}

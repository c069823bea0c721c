package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker (see the Makefile); empty in a plain go build.
var version string

// revision is likewise, in a release; otherwise the build tells.
var revision string

// build is what is known about this program.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // of the source; empty: not recorded
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func readBuild() build {
	b := build{Version: cmp.Or(version, "(devel)"), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = cmp.Or(version, info.Main.Version, b.Version)
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	b.Revision = cmp.Or(revision, b.Revision)
	return b
}

func (w *world) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
	}
	format := addOutput(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		b := readBuild()
		if *format == formatJSON {
			return printJSON(w.stdout, b)
		}
		_, err := fmt.Fprintf(w.stdout, "segue %s (%s, %s)\n", b.Version, b.Go, b.Platform)
		return err
	}
	return cmd
}

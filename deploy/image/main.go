// Command image makes the container image of Segue, without a daemon: nothing but the program, authorities' certificates and /etc/passwd, for each platform that a binary is
// given for. It reads no clock and no network, so that the same binaries are the same image, to the last bit.
//
//	go run . -version v1.2.3 -revision COMMIT -created SECONDS -binary linux/amd64=PATH -binary linux/arm64=PATH -out FOLDER
//
// Into FOLDER, which is made, it writes
//
//	segue-1.2.3-image/                  the image of all platforms as an OCI layout, each with its bill of materials attached
//	segue-1.2.3-image-oci.tar           the same as one file
//	segue-1.2.3-image-linux-amd64.tar   what `docker load` and `podman load` take, for each platform
//	segue-1.2.3-linux-amd64.cdx.json    what the binary is made of: CycloneDX, from the build information in it
//
// and prints the digests.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// options are what an image is made from.
type options struct {
	version  string // as a tag: v1.2.3 or 1.2.3
	revision string // of the source
	created  time.Time
	binaries []binary
	out      string
}

// binary is the program for a platform.
type binary struct {
	platform v1.Platform
	path     string
}

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(2)
	}
	if err := build(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// parse reads the command line.
func parse(args []string, out io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.version, "version", "", "version `V`, also the image's tag")
	flags.StringVar(&o.revision, "revision", "", "`commit` that the binaries are built from")
	created := flags.Int64("created", 0, "when it was made: `seconds` since 1970, for example of the commit")
	flags.StringVar(&o.out, "out", "", "`folder` to write to")
	flags.Func("binary", "`OS/ARCH=PATH` of the program for a platform; may be repeated", func(text string) error {
		platform, path, ok := strings.Cut(text, "=")
		p, err := v1.ParsePlatform(platform)
		if !ok || err != nil || p.OS == "" || p.Architecture == "" || path == "" {
			return errors.New("write it as linux/amd64=PATH")
		}
		o.binaries = append(o.binaries, binary{*p, path})
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.created = time.Unix(*created, 0).UTC()
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("what is %q? see -help", flags.Arg(0))
	case o.version == "" || o.out == "" || len(o.binaries) == 0:
		return o, errors.New("-version, -out and at least one -binary are needed; see -help")
	}
	return o, nil
}

// plain is a version as files have it in their names.
func (o *options) plain() string { return strings.TrimPrefix(o.version, "v") }

// dashed is a platform as files have it in their names.
func dashed(p v1.Platform) string { return strings.ReplaceAll(p.String(), "/", "-") }

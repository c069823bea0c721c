// Command packages makes the deb or the rpm of a Segue that has been built, by nfpm. It is a module of its own: nothing of nfpm belongs into the program.
//
//	go run . -binary PATH -arch amd64|arm64 -version V -man DIR -completion DIR -out DIR
//
// The same input makes the same bytes: all times are SOURCE_DATE_EPOCH (seconds; 0 without it).
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "packages:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var in input
	f := flag.NewFlagSet("packages", flag.ExitOnError)
	f.StringVar(&in.binary, "binary", "", "the program, built for -arch without cgo")
	f.StringVar(&in.arch, "arch", "amd64", "amd64 or arm64")
	f.StringVar(&in.version, "version", "", "as git describe says it: v1.2.3, v1.2.3-rc.1, v1.2.3-4-gabcdef")
	f.StringVar(&in.man, "man", "", "folder with the manual's pages (segue man DIR)")
	f.StringVar(&in.completion, "completion", "", "folder with segue.bash, _segue and segue.fish (segue completion SHELL)")
	f.StringVar(&in.deploy, "deploy", "..", "the folder deploy of the repository")
	f.StringVar(&in.maintainer, "maintainer", "The Segue authors <segue@localhost>", "whom the packages name, with an address of yours")
	f.StringVar(&in.compression, "compression", "gzip", "gzip or xz")
	out := f.String("out", ".", "folder for the packages")
	formats := f.String("format", "deb,rpm", "which packages to make")
	_ = f.Parse(args) // exits
	var err error
	if in.time, err = buildTime(os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		return err
	}
	made, err := in.pack(*out, *formats)
	for _, path := range made {
		fmt.Println(path)
	}
	return err
}

// buildTime is the time of all that is in a package: when a build runs is no part of what it makes.
func buildTime(epoch string) (time.Time, error) {
	if epoch == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH %q: not a number of seconds; git log -1 --format=%%ct gives one", epoch)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

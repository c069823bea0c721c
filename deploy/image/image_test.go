package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func TestMain(m *testing.M) {
	if source := os.Getenv(asApplication); source != "" {
		os.Exit(application(source))
	}
	code := m.Run()
	if segue, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(segue))
	}
	if other, err := small(); err == nil {
		_ = os.RemoveAll(filepath.Dir(other))
	}
	os.Exit(code)
}

const version = "v0.0.1"

// program is Segue, built from the checkout around this module, once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "segue-image")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "segue")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", path, "./cmd/segue")
	build.Dir, build.Env = "../..", append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// small is a program for the other platform: any will do.
var small = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "segue-image")
	if err != nil {
		return "", err
	}
	for name, text := range map[string]string{"go.mod": "module small\n", "main.go": "package main\n\nfunc main() {}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	build := exec.Command("go", "build", "-o", "small", ".")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return filepath.Join(dir, "small"), nil
})

// built is an image in a folder of its own, with what was said when it was made.
func built() (o options, said string, err error) {
	segue, err := program()
	if err != nil {
		return o, "", fmt.Errorf("build segue: %w", err)
	}
	other, err := small()
	if err != nil {
		return o, "", fmt.Errorf("build a program for arm64: %w", err)
	}
	o = options{version: version, revision: "c0ffee", created: time.Unix(1_700_000_000, 0).UTC(), out: filepath.Join(filepath.Dir(segue), strconv.Itoa(rand.Int())), binaries: []binary{
		{v1.Platform{OS: "linux", Architecture: "amd64"}, segue}, {v1.Platform{OS: "linux", Architecture: "arm64"}, other},
	}}
	var out bytes.Buffer
	err = build(o, &out)
	return o, out.String(), err
}

// firstBuilt is the one that most tests look at.
var firstBuilt = sync.OnceValues(func() (options, error) {
	o, said, err := built()
	firstSaid = said
	return o, err
})

var firstSaid string

func once(t *testing.T) options {
	t.Helper()
	o, err := firstBuilt()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// theImage is the one for this machine, as it lies in the layout.
func theImage(t *testing.T, o options) v1.Image {
	t.Helper()
	whole, err := layout.ImageIndexFromPath(filepath.Join(o.out, "segue-"+o.plain()+"-image"))
	if err != nil {
		t.Fatal(err)
	}
	top, err := whole.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	index, err := whole.ImageIndex(top.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	platforms, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	img, err := index.Image(platforms.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// eachFile calls f for what is in an image.
func eachFile(t *testing.T, img v1.Image, f func(h *tar.Header, r io.Reader)) {
	t.Helper()
	all := mutate.Extract(img)
	defer all.Close()
	for r := tar.NewReader(all); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		f(h, r)
	}
}

func TestImageHasWhatItNeedsAndNoMore(t *testing.T) {
	o := once(t)
	img := theImage(t, o)
	if err := validate.Image(img); err != nil {
		t.Errorf("the image: %v", err)
	}
	var names []string
	eachFile(t, img, func(h *tar.Header, r io.Reader) {
		names = append(names, strings.TrimSuffix(h.Name, "/"))
		if h.Uid != 0 || h.Mode&0o022 != 0 || !h.ModTime.Equal(o.created) {
			t.Errorf("%s: owner %d, mode %o, of %s", h.Name, h.Uid, h.Mode, h.ModTime)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(h.Name, ".crt") {
			if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(data) || bytes.Count(data, []byte("BEGIN CERTIFICATE")) < 50 {
				t.Errorf("%d bytes of certificates, or none", len(data))
			}
		}
	})
	slices.Sort(names)
	if want := []string{"etc", "etc/passwd", "etc/ssl", "etc/ssl/certs", "etc/ssl/certs/ca-certificates.crt", "segue"}; !slices.Equal(names, want) {
		t.Errorf("in the image: %q, want %q", names, want)
	}
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.Config.User != "65532:65532" || !slices.Equal(append(c.Config.Entrypoint, c.Config.Cmd...), []string{"/segue", "serve"}) || c.Architecture != "amd64" || c.OS != "linux" {
		t.Errorf("the configuration: %+v", c)
	}
	for key, want := range map[string]string{"title": "segue", "version": version, "revision": "c0ffee", "created": "2023-11-14T22:13:20Z", "licenses": "Apache-2.0"} {
		if got := c.Config.Labels["org.opencontainers.image."+key]; got != want {
			t.Errorf("label %s: %q, want %q", key, got, want)
		}
	}
}

func TestImageTwiceIsTheSame(t *testing.T) {
	first := once(t)
	second, said, err := built()
	if err != nil {
		t.Fatal(err)
	}
	if said != firstSaid || !strings.Contains(said, "linux/arm64") {
		t.Errorf("digests\n%sand\n%s", firstSaid, said)
	}
	var files int
	err = filepath.WalkDir(first.out, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		rest, _ := filepath.Rel(first.out, path)
		one, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if other, err := os.ReadFile(filepath.Join(second.out, rest)); err != nil || !bytes.Equal(one, other) {
			t.Errorf("%s differs, %v", rest, err)
		}
		return nil
	})
	if err != nil || files < 12 {
		t.Errorf("%d files, %v", files, err)
	}
}

// What is told beside the image is told of that image: the bill of materials has its manifest as the subject, and what is in its binary.
func TestImageHasItsBillOfMaterials(t *testing.T) {
	o := once(t)
	at := filepath.Join(o.out, "segue-"+o.plain()+"-image")
	read := func(digest v1.Hash, into any) []byte {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(at, "blobs", digest.Algorithm, digest.Hex))
		if err != nil {
			t.Fatal(err)
		}
		if into != nil {
			if err := json.Unmarshal(data, into); err != nil {
				t.Fatal(err)
			}
		}
		return data
	}
	data, err := os.ReadFile(filepath.Join(at, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var top v1.IndexManifest
	if err := json.Unmarshal(data, &top); err != nil || len(top.Manifests) != 3 {
		t.Fatalf("%d manifests, %v", len(top.Manifests), err)
	}
	digest, err := theImage(t, o).Digest()
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	read(top.Manifests[1].Digest, &m)
	if m.Subject.Digest != digest || m.ArtifactType != "application/vnd.cyclonedx+json" || string(read(m.Config.Digest, nil)) != "{}" {
		t.Errorf("the artifact: %+v, of %s", m, digest)
	}
	bill := read(m.Layers[0].Digest, nil)
	if beside, err := os.ReadFile(filepath.Join(o.out, "segue-0.0.1-linux-amd64.cdx.json")); err != nil || !bytes.Equal(beside, bill) {
		t.Errorf("the file beside it differs, %v", err)
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(bill), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	hash, err := hashOf(o.binaries[0].path)
	if err != nil {
		t.Fatal(err)
	}
	if c := bom.Metadata.Component; c.Version != version || (*c.Hashes)[0].Value != hash {
		t.Errorf("the component: %+v", c)
	}
	var has []string
	for _, c := range *bom.Components {
		has = append(has, c.Name)
		if !strings.HasPrefix(c.PackageURL, "pkg:golang/"+c.Name+"@") {
			t.Errorf("%s: %s", c.Name, c.PackageURL)
		}
	}
	for _, want := range []string{"std", "github.com/spf13/cobra", "github.com/prometheus/client_golang", "github.com/go-mysql-org/go-mysql"} {
		if !slices.Contains(has, want) {
			t.Errorf("%s is not among %q", want, has)
		}
	}
}

// Other programs' readers take all three forms, and get the same image.
func TestImageIsReadByOthers(t *testing.T) {
	o := once(t)
	at := filepath.Join(o.out, "segue-"+o.plain()+"-image")
	var ids []string
	for _, form := range []string{"oci:" + at + ":0.0.1", "oci-archive:" + at + "-oci.tar:0.0.1", "docker-archive:" + at + "-linux-amd64.tar:segue:0.0.1"} {
		out, err := exec.Command("skopeo", "inspect", "--config", "--raw", form).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", form, err, out)
		}
		var c v1.ConfigFile
		if err := json.Unmarshal(out, &c); err != nil || c.Config.User != user {
			t.Errorf("%s: %v\n%s", form, err, out)
		}
		id, _, _ := v1.SHA256(bytes.NewReader(out))
		ids = append(ids, id.String())
	}
	if ids = slices.Compact(ids); len(ids) != 1 {
		t.Errorf("different images: %q", ids)
	}
}

func TestCommandLine(t *testing.T) {
	for name, args := range map[string]string{
		"nothing":                 "",
		"no binary":               "-version v1 -out x",
		"a binary of no platform": "-version v1 -out x -binary segue",
		"something more":          "-version v1 -out x -binary linux/amd64=segue more",
	} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	o, err := parse(strings.Fields("-version v1.2.3 -created 86400 -out x -binary linux/amd64=a -binary linux/arm64=b"), io.Discard)
	if err != nil || o.plain() != "1.2.3" || o.created.Format(time.DateOnly) != "1970-01-02" || len(o.binaries) != 2 || dashed(o.binaries[1].platform) != "linux-arm64" {
		t.Errorf("%+v, %v", o, err)
	}
	o = options{version: "v1", out: t.TempDir(), binaries: []binary{{v1.Platform{OS: "linux", Architecture: "amd64"}, filepath.Join(t.TempDir(), strconv.Itoa(os.Getpid()))}}}
	if err := build(o, io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the binary: %v", err)
	}
}

// A program of another platform, or one that needs libraries, would not start.
func TestProgramThatDoesNotFit(t *testing.T) {
	segue, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for want, b := range map[string]binary{
		"is built for linux/amd64, and is to be for linux/arm64": {v1.Platform{OS: "linux", Architecture: "arm64"}, segue},
		"is it a Go program?": {v1.Platform{OS: "linux", Architecture: "amd64"}, "main.go"},
	} {
		o := options{version: version, out: t.TempDir(), binaries: []binary{b}}
		if err := build(o, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

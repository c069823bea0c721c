package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is who the program runs as: by number, as Kubernetes' runAsNonRoot can tell that this is not root.
const user = "65532:65532"

// passwd has the user's name, for those who look it up.
const passwd = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"

// image is the image of one platform.
func (o *options) image(b binary) (v1.Image, error) {
	program, err := os.ReadFile(b.path)
	if err != nil {
		return nil, err
	}
	base, err := layer(o.created, file{"etc/passwd", []byte(passwd), 0o644}, file{"etc/ssl/certs/ca-certificates.crt", authorities(), 0o644})
	if err != nil {
		return nil, err
	}
	top, err := layer(o.created, file{"segue", program, 0o755})
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.ConfigFile(img, o.config(b))
	if err != nil {
		return nil, err
	}
	history := func(what string) v1.History {
		return v1.History{Created: v1.Time{Time: o.created}, CreatedBy: "deploy/image", Comment: what}
	}
	img, err = mutate.Append(img, mutate.Addendum{Layer: base, History: history("certificates, /etc/passwd"), MediaType: types.OCILayer},
		mutate.Addendum{Layer: top, History: history("segue " + o.version), MediaType: types.OCILayer})
	if err != nil {
		return nil, err
	}
	return mutate.Annotations(img, o.labels()).(v1.Image), nil
}

// config says how the program is run.
func (o *options) config(b binary) *v1.ConfigFile {
	return &v1.ConfigFile{
		Architecture: b.platform.Architecture, OS: b.platform.OS, Variant: b.platform.Variant, Created: v1.Time{Time: o.created}, RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{
			User: user, WorkingDir: "/", Entrypoint: []string{"/segue"}, Cmd: []string{"serve"}, Labels: o.labels(),
			ExposedPorts: map[string]struct{}{"9030/tcp": {}, "9131/tcp": {}},
			// Docker's own; others leave it alone.
			Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "/segue", "healthcheck"}, Interval: 5 * time.Second, Timeout: 3 * time.Second, StartPeriod: 5 * time.Second, Retries: 3},
		},
	}
}

// labels are what the image says of itself, in the words of the OCI.
func (o *options) labels() map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":       "segue",
		"org.opencontainers.image.description": "A sidecar that hides rolling restarts of StarRocks, Doris, TiDB and MySQL from applications",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     o.version,
		"org.opencontainers.image.created":     o.created.Format(time.RFC3339),
	}
	if o.revision != "" {
		labels["org.opencontainers.image.revision"] = o.revision
	}
	return labels
}

// authorities are the certificates of those whom Mozilla trusts, by the version of a module, so that it does not matter where the image is made. Those that are trusted
// for certificates of before some day only are left out: a file has no way to say that.
func authorities() []byte {
	var all bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&all, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a Buffer takes everything
		}
	}
	return all.Bytes()
}

// file is one in a layer.
type file struct {
	name string
	data []byte
	mode int64
}

// layer is a layer of files, and of the folders above them.
func layer(created time.Time, files ...file) (v1.Layer, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	made := map[string]bool{".": true}
	var above func(dir string) error
	above = func(dir string) error {
		if made[dir] {
			return nil
		}
		if err := above(path.Dir(dir)); err != nil {
			return err
		}
		made[dir] = true
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: created, Format: tar.FormatUSTAR})
	}
	for _, f := range files {
		if err := above(path.Dir(f.name)); err != nil {
			return nil, err
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.data)), Mode: f.mode, ModTime: created, Format: tar.FormatUSTAR}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil },
		tarball.WithCompressionLevel(gzip.DefaultCompression), tarball.WithCompressedCaching, tarball.WithMediaType(types.OCILayer))
}

// hashOf is the SHA-256 of what is in a file, in hexadecimal.
func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

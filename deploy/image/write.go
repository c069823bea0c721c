package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// build writes everything, and tells the digests to w.
func build(o options, w io.Writer) error {
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	at := filepath.Join(o.out, "segue-"+o.plain()+"-image")
	if err := os.RemoveAll(at); err != nil { // blobs of another build are none of this one's
		return err
	}
	whole, err := layout.Write(at, empty.Index)
	if err != nil {
		return err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	var attached []v1.Descriptor
	for _, b := range o.binaries {
		img, err := o.image(b)
		if err != nil {
			return err
		}
		if err := o.load(b, img); err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &b.platform}})
		bill, err := o.attach(whole, b, img)
		if err != nil {
			return err
		}
		attached = append(attached, bill)
		digest, err := img.Digest()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s  %s\n", digest, b.platform.String())
	}
	index = mutate.Annotations(index, o.labels()).(v1.ImageIndex)
	if err := whole.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": o.plain()})); err != nil {
		return err
	}
	for _, d := range attached {
		if err := whole.AppendDescriptor(d); err != nil {
			return err
		}
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s  all platforms\n", digest)
	return archive(at, at+"-oci.tar", o.created)
}

// load writes what `docker load` takes.
func (o *options) load(b binary, img v1.Image) error {
	tag, err := name.NewTag("segue:" + o.plain())
	if err != nil {
		return fmt.Errorf("version %s: %w", o.version, err)
	}
	return tarball.WriteToFile(filepath.Join(o.out, "segue-"+o.plain()+"-image-"+dashed(b.platform)+".tar"), tag, img)
}

// manifest is an artifact's, as image-spec 1.1 has it.
type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     types.MediaType   `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        v1.Descriptor     `json:"config"`
	Layers        []v1.Descriptor   `json:"layers"`
	Subject       *v1.Descriptor    `json:"subject"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// attach writes the bill of materials of a platform's image beside it, as an artifact whose subject the image is, and as a file.
func (o *options) attach(to layout.Path, b binary, img v1.Image) (v1.Descriptor, error) {
	bill, err := o.sbom(b)
	if err != nil {
		return v1.Descriptor{}, err
	}
	if err := os.WriteFile(filepath.Join(o.out, "segue-"+o.plain()+"-"+dashed(b.platform)+".cdx.json"), bill, 0o644); err != nil {
		return v1.Descriptor{}, err
	}
	subject, err := partial.Descriptor(img)
	if err != nil {
		return v1.Descriptor{}, err
	}
	none, err := blob(to, "application/vnd.oci.empty.v1+json", []byte("{}"))
	if err != nil {
		return v1.Descriptor{}, err
	}
	content, err := blob(to, mediaTypeSBOM, bill)
	if err != nil {
		return v1.Descriptor{}, err
	}
	content.Annotations = map[string]string{"org.opencontainers.image.title": "segue-" + dashed(b.platform) + ".cdx.json"}
	text, err := json.Marshal(manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: mediaTypeSBOM, Config: none, Layers: []v1.Descriptor{content},
		Subject:     &v1.Descriptor{MediaType: subject.MediaType, Size: subject.Size, Digest: subject.Digest},
		Annotations: map[string]string{"org.opencontainers.image.created": o.created.Format(time.RFC3339)},
	})
	if err != nil {
		return v1.Descriptor{}, err
	}
	d, err := blob(to, types.OCIManifestSchema1, text)
	d.ArtifactType = mediaTypeSBOM
	return d, err
}

// blob writes one.
func blob(to layout.Path, kind types.MediaType, data []byte) (v1.Descriptor, error) {
	digest, size, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return v1.Descriptor{}, err
	}
	return v1.Descriptor{MediaType: kind, Digest: digest, Size: size}, to.WriteBlob(digest, io.NopCloser(bytes.NewReader(data)))
}

// archive writes a folder as one file, in the order of the names and as of one time.
func archive(dir, into string, created time.Time) error {
	out, err := os.Create(into)
	if err != nil {
		return err
	}
	defer out.Close()
	w := tar.NewWriter(out)
	err = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rest, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		h := &tar.Header{Typeflag: tar.TypeDir, Name: filepath.ToSlash(rest) + "/", Mode: 0o755, ModTime: created, Format: tar.FormatUSTAR}
		if e.IsDir() {
			return w.WriteHeader(h)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		h.Typeflag, h.Name, h.Mode, h.Size = tar.TypeReg, filepath.ToSlash(rest), 0o644, int64(len(data))
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.Close()
}

package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// mediaTypeSBOM is CycloneDX's, as JSON.
const mediaTypeSBOM = "application/vnd.cyclonedx+json"

// sbom is the bill of materials of a binary, by the build information that Go's linker has put into it: the modules that are in it, with their versions and checksums, and Go's own library.
func (o *options) sbom(b binary) ([]byte, error) {
	info, err := buildinfo.ReadFile(b.path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; is it a Go program?", b.path, err)
	}
	if err := fits(info, b); err != nil {
		return nil, err
	}
	digest, err := hashOf(b.path)
	if err != nil {
		return nil, err
	}
	bom := cdx.NewBOM()
	bom.SerialNumber = "urn:uuid:" + uuid(digest+o.version)
	program := cdx.Component{
		BOMRef: "segue", Type: cdx.ComponentTypeApplication, Name: "segue", Version: o.version, Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: digest}},
		Licenses:   &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
		Properties: &[]cdx.Property{{Name: "go:os", Value: b.platform.OS}, {Name: "go:arch", Value: b.platform.Architecture}, {Name: "vcs:revision", Value: o.revision}},
	}
	bom.Metadata = &cdx.Metadata{Timestamp: o.created.Format(time.RFC3339), Component: &program}
	parts := []cdx.Component{{
		BOMRef: "std", Type: cdx.ComponentTypeLibrary, Name: "std", Version: info.GoVersion, PackageURL: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go"),
		Description: "Go's standard library",
	}}
	for _, m := range info.Deps {
		parts = append(parts, component(m))
	}
	var refs []string
	for i := range parts {
		refs = append(refs, parts[i].BOMRef)
	}
	slices.Sort(refs)
	bom.Components = &parts
	bom.Dependencies = &[]cdx.Dependency{{Ref: program.BOMRef, Dependencies: &refs}}
	var text bytes.Buffer
	if err := cdx.NewBOMEncoder(&text, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// fits is an error unless a program is for its platform, and needs no library, of which the image has none.
func fits(info *buildinfo.BuildInfo, b binary) error {
	built := make(map[string]string)
	for _, s := range info.Settings {
		built[s.Key] = s.Value
	}
	switch {
	case built["GOOS"] != b.platform.OS || built["GOARCH"] != b.platform.Architecture:
		return fmt.Errorf("%s is built for %s/%s, and is to be for %s", b.path, built["GOOS"], built["GOARCH"], b.platform.String())
	case built["CGO_ENABLED"] != "0":
		return fmt.Errorf("%s needs libraries; build it with CGO_ENABLED=0", b.path)
	}
	return nil
}

// component is a module in the words of CycloneDX.
func component(m *debug.Module) cdx.Component {
	if m.Replace != nil {
		m = m.Replace
	}
	url := "pkg:golang/" + m.Path + "@" + m.Version
	return cdx.Component{
		BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: url,
		// No hash of one file, so that it is none of CycloneDX's.
		Properties: &[]cdx.Property{{Name: "go:sum", Value: m.Sum}},
	}
}

// uuid is one that follows from a text, by RFC 9562's version 8.
func uuid(text string) string {
	h := sha256.Sum256([]byte(text))
	h[6] = h[6]&0x0f | 0x80
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

package proxyheader

import "fmt"

// Version is in which form the header is sent.
type Version uint8

// The versions. The zero value sends none.
const (
	None Version = iota
	V1           // a line of text
	V2           // binary
	numVersions
)

var names = [numVersions]string{"off", "v1", "v2"}

// String gives the version's name as it stands in the configuration.
func (v Version) String() string {
	if v >= numVersions {
		return fmt.Sprintf("version(%d)", uint8(v))
	}
	return names[v]
}

// MarshalText implements [encoding.TextMarshaler].
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (v *Version) UnmarshalText(text []byte) error {
	for i, name := range names {
		if name == string(text) {
			*v = Version(i)
			return nil
		}
	}
	return fmt.Errorf("parse version of the PROXY protocol: %q is none of off, v1, v2", text)
}

package secure

import (
	"fmt"
	"slices"
	"strings"
)

// Mode is what is asked of a connection, as --ssl-mode of MySQL's clients has it.
//
// https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode
type Mode uint8

// The modes, from the least to the most that is asked.
const (
	Disabled       Mode = iota // no TLS
	Preferred                  // TLS where the server offers it, in clear where it does not
	Required                   // TLS or no connection; whoever answers is believed
	VerifyCA                   // … with a certificate that leads to one of the CAs
	VerifyIdentity             // … and names the server
	numModes
)

var modeNames = [numModes]string{"disabled", "preferred", "required", "verify-ca", "verify-identity"}

// ModeNames are the names of all modes, from the least to the most that is asked.
func ModeNames() []string { return slices.Clone(modeNames[:]) }

// String gives the name of the mode, as in the configuration.
func (m Mode) String() string {
	if m < numModes {
		return modeNames[m]
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// MarshalText implements [encoding.TextMarshaler].
func (m Mode) MarshalText() ([]byte, error) {
	if m >= numModes {
		return nil, fmt.Errorf("no such TLS mode: %d", uint8(m))
	}
	return []byte(m.String()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. Case does not matter, nor whether words are joined by "-" or "_", as MySQL writes it.
func (m *Mode) UnmarshalText(text []byte) error {
	said := strings.ReplaceAll(strings.ToLower(string(text)), "_", "-")
	for i, name := range modeNames {
		if said == name {
			*m = Mode(i)
			return nil
		}
	}
	return fmt.Errorf("%.40q is no TLS mode: %s", text, strings.Join(modeNames[:], ", "))
}

// Wants reports whether TLS is used where the server offers it.
func (m Mode) Wants() bool { return m > Disabled }

// Insists reports whether there is to be no connection without it.
func (m Mode) Insists() bool { return m >= Required }

// Verifies reports whether the server's certificate is looked at.
func (m Mode) Verifies() bool { return m >= VerifyCA }

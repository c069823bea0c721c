package backend

// Admin is what the operator says about a backend. Any value may follow any other.
type Admin uint8

// The admin states. The zero value is Ready.
const (
	Ready Admin = iota // takes sessions as its health allows
	Drain              // takes no new session; its sessions end at a statement boundary
	Maint              // as Drain, and it is expected to be switched off
	numAdmins
)

// Admins lists every admin state, in the order of their values.
func Admins() []Admin { return []Admin{Ready, Drain, Maint} }

var adminNames = [numAdmins]string{Ready: "ready", Drain: "drain", Maint: "maint"}

// String gives the name as it stands in logs, metrics, admin answers and commands.
func (a Admin) String() string { return nameOf("admin", adminNames[:], a) }

// ParseAdmin is the reverse of [Admin.String].
func ParseAdmin(text string) (Admin, error) {
	return parseName[Admin]("admin state", adminNames[:], text)
}

// MarshalText implements [encoding.TextMarshaler].
func (a Admin) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (a *Admin) UnmarshalText(text []byte) error {
	v, err := ParseAdmin(string(text))
	if err == nil {
		*a = v
	}
	return err
}

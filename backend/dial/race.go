package dial

import (
	"net/netip"
	"time"
)

// Delay is how long an address has for itself before the next one is dialed beside it: the Connection Attempt Delay that RFC 8305, section 5, recommends.
const Delay = 250 * time.Millisecond

// Race is the dialing of one name's addresses. Whoever drives it dials what Next gives, calls it again when Due is over and when an attempt has failed, and
// ends the other attempts when one has succeeded. Times are since whatever epoch the driver likes. Pure.
type Race struct {
	left    []netip.Addr
	running int           // attempts
	due     time.Duration // when the next of left is dialed, unless an attempt fails before
	err     error         // of the first attempt that has failed
}

// NewRace begins with the addresses as they were looked up. last is the one that worked last; it may be none.
func NewRace(addrs []netip.Addr, last netip.Addr) *Race { return &Race{left: Order(addrs, last)} }

// Order puts the one that worked last first, and lets the families take turns in what follows (RFC 8305, section 4): where one of them leads nowhere, the
// second address is of the other.
func Order(addrs []netip.Addr, last netip.Addr) []netip.Addr {
	ordered := make([]netip.Addr, 0, len(addrs))
	seen := make(map[netip.Addr]bool, len(addrs))
	var families [2][]netip.Addr // that of the first address, and the other
	for _, a := range addrs {
		a = a.Unmap()
		switch {
		case seen[a]:
		case a == last:
			ordered = append(ordered, a)
		case a.Is4() == addrs[0].Unmap().Is4():
			families[0] = append(families[0], a)
		default:
			families[1] = append(families[1], a)
		}
		seen[a] = true
	}
	turn := 0
	if len(ordered) > 0 && last.Is4() == addrs[0].Unmap().Is4() {
		turn = 1
	}
	for ; len(families[0])+len(families[1]) > 0; turn++ {
		if f := &families[turn%2]; len(*f) > 0 {
			ordered = append(ordered, (*f)[0])
			*f = (*f)[1:]
		}
	}
	return ordered
}

// Next is the address that is to be dialed now, if one is.
func (r *Race) Next(now time.Duration) (to netip.Addr, ok bool) {
	if len(r.left) == 0 || r.running > 0 && now < r.due {
		return netip.Addr{}, false
	}
	to, r.left = r.left[0], r.left[1:]
	r.running++
	r.due = now + Delay
	return to, true
}

// Due is when the next address is dialed, if there is one.
func (r *Race) Due() (at time.Duration, ok bool) { return r.due, len(r.left) > 0 }

// Failed notes that an attempt has failed: the next address is due at once. lost reports whether there is neither another attempt nor another address.
func (r *Race) Failed(now time.Duration, err error) (lost bool) {
	r.running--
	r.due = now
	if r.err == nil {
		r.err = err
	}
	return r.running == 0 && len(r.left) == 0
}

// Err is what the first attempt has failed of.
func (r *Race) Err() error { return r.err }

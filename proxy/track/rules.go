package track

import (
	"math/bits"

	"segue/backend/wire"
)

// rules say how a text is to be read: it is read in one way only by given rules. Where some of them are not known for certain the text is read by
// all that may hold (see way), and what it comes to is believed if that is the same.
type rules struct {
	dialect     Dialect
	version     uint32 // of a server of MySQL's or MariaDB's, 0 if it is not known
	ansi        bool   // "…" is a name
	noBackslash bool   // a backslash is a character like any other
	gaps        bool   // what may be white space beside that of ASCII is
	runs        bool   // comments that may be executed are
	ansiLater   bool   // … "…" is a name behind a change of sql_mode to what is not known
	slashLater  bool   // … and a backslash a character
	wild        bool   // the character set is one that cannot be read
	doubts      doubt  // which of these are not known
}

// doubt is a set of rules that are not known for certain.
type doubt uint8

const (
	doubtAnsi doubt = 1 << iota
	doubtBackslash
	doubtGaps
	doubtComment
	doubtAnsiLater
	doubtBackslashLater
)

// knowledge is what is known of a mode.
type knowledge uint8

const (
	unknown knowledge = iota
	off
	on
)

// rules are those that hold for the texts of the session now.
func (s *State) rules() rules {
	r := rules{dialect: s.dialect, version: s.version, doubts: doubtComment}
	switch s.dialect {
	case StarRocks:
		r.doubts |= doubtGaps
		r.mode(s.ansi.atMost(), off)
	case Doris:
		r.mode(s.ansi.atMost(), s.slash.atMost())
	case MariaDB: // the flags tell of both modes
		r.ansi, r.noBackslash = s.x.Status.Has(wire.StatusAnsiQuotes), s.x.Status.Has(wire.StatusNoBackslashEscapes)
	default:
		r.mode(s.ansi, off)
		r.noBackslash = s.x.Status.Has(wire.StatusNoBackslashEscapes)
		if s.x.Status.Has(wire.StatusAnsiQuotes) { // MariaDB's
			r.ansi, r.doubts = true, r.doubts&^doubtAnsi
		}
	}
	if s.dialect.my() && !s.unicode {
		r.doubts |= doubtGaps
	}
	if s.held != nil && s.held.strayed {
		r.doubts |= doubtAnsi | doubtBackslash
	}
	r.wild = s.held != nil && s.held.pins&pinCharacterSet != 0
	return r
}

// atMost is for FEs, of which not every version knows the mode.
func (k knowledge) atMost() knowledge {
	if k == on {
		return unknown
	}
	return k
}

// mode sets what is known of the modes of sql_mode.
func (r *rules) mode(ansi, slash knowledge) {
	r.doubts &^= doubtAnsi | doubtBackslash
	r.ansi, r.noBackslash = ansi == on, slash == on
	if ansi == unknown {
		r.doubts |= doubtAnsi
	}
	if slash == unknown {
		r.doubts |= doubtBackslash
	}
}

// become sets the modes for what follows a SET of sql_mode in the same text. TiDB and the FEs have read all of that before.
func (r *rules) become(ansi, slash knowledge) {
	if !r.dialect.my() {
		return
	}
	r.doubts &^= doubtAnsi | doubtBackslash
	switch ansi {
	case unknown:
		r.ansi, r.doubts = r.ansiLater, r.doubts|doubtAnsiLater
	default:
		r.ansi, r.doubts = ansi == on, r.doubts&^doubtAnsiLater
	}
	switch slash {
	case unknown:
		r.noBackslash, r.doubts = r.slashLater, r.doubts|doubtBackslashLater
	default:
		r.noBackslash, r.doubts = slash == on, r.doubts&^doubtBackslashLater
	}
}

// way is one of the ways to read a text. The zero value of what is below rules stands at the first.
type way struct {
	rules
	base   rules
	open   doubt // the doubts that matter to this text
	chosen doubt // those of them that are decided against base
	beyond bool  // there are more ways than are tried
}

// maxOpen bounds the doubts that are tried out: 1<<maxOpen ways.
const maxOpen = 4

func ways(r rules) way { return way{rules: r, base: r} }

// turn goes on to the next one, met being the doubts that mattered to this one, and reports whether there is one.
func (r *way) turn(met doubt) bool {
	if met&^r.open != 0 {
		if r.open |= met; bits.OnesCount8(uint8(r.open)) > maxOpen {
			r.beyond = true
			return false
		}
		r.chosen = 0 // all anew: some have been passed over
	}
	if r.chosen = (r.chosen - r.open) & r.open; r.chosen == 0 {
		return false
	}
	r.rules = r.base
	r.ansi = r.ansi != (r.chosen&doubtAnsi != 0)
	r.noBackslash = r.noBackslash != (r.chosen&doubtBackslash != 0)
	r.gaps = r.chosen&doubtGaps != 0
	r.runs = r.chosen&doubtComment != 0
	r.ansiLater = r.chosen&doubtAnsiLater != 0
	r.slashLater = r.chosen&doubtBackslashLater != 0
	return true
}

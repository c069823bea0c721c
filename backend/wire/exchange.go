package wire

import "encoding/binary"

// Step says what a packet from the server meant to the exchange it belongs to.
type Step uint8

// The steps of a response.
const (
	More       Step = iota // the response goes on
	Done                   // with this packet the response ends
	Failed                 // with this packet, an ERR_Packet, the response ends
	ClientFile             // LOCAL INFILE request: the client sends the file up to an empty packet, then the response goes on
	ClientAuth             // the client answers an AuthSwitchRequest or AuthMoreData, then the response goes on
	Lost                   // not a packet this response can contain: it can be followed no further
)

// phase is the part of a response that the next packet belongs to.
type phase uint8

const (
	phaseEnded      phase = iota
	phaseFirst            // the first packet of a result: OK, ERR, LOCAL INFILE request or column count
	phaseColumns          // column definitions
	phaseColumnsEOF       // the EOF_Packet behind them
	phaseRows             // rows up to EOF, OK or ERR
	phaseFetch            // the same for COM_STMT_FETCH, where no further result can follow
	phaseSingle           // one OK, EOF or ERR
	phaseText             // one packet of whatever content
	phaseFields           // column definitions up to EOF, OK or ERR
	phasePrepare          // COM_STMT_PREPARE_OK or ERR
	phaseParams           // parameter definitions of a prepared statement
	phaseParamsEOF        //
	phasePrepCols         // its column definitions
	phasePrepEOF          //
	phaseAuth             // COM_CHANGE_USER: the authentication starts again
	phaseUntilClose       // COM_QUIT: whatever comes, until the server closes
	phaseRefusal          // a command of which nothing is known but that an ERR_Packet ends it
)

// Exchange follows the response to one command: it knows from the headers and first bytes of the packets where the
// response ends. One Exchange value serves one command after another. It holds no bytes, does no
// I/O and allocates nothing.
//
// See https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase.html and, for MariaDB's
// additions, https://mariadb.com/kb/en/result-set-packets/.
type Exchange struct {
	// Status holds the flags of the last OK or EOF packet of any exchange; ERR packets carry none.
	Status Status

	caps    Capability
	ext     uint32 // MariaDB's extended capabilities
	phase   phase
	cursor  bool   // it is an execution that has asked for one
	defs    uint32 // definitions still to come in this phase
	columns uint32 // column definitions that follow the parameter definitions of a prepared statement
}

// Negotiate sets the capabilities that both sides have agreed upon; ext are MariaDB's extended ones. They decide
// the shape of result sets.
func (x *Exchange) Negotiate(caps Capability, ext uint32) { x.caps, x.ext = caps, ext }

// first gives for each command the phase its response begins with; a command that is absent cannot be followed.
var first = [256]phase{
	ComQuit:             phaseUntilClose,
	ComInitDB:           phaseSingle,
	ComQuery:            phaseFirst,
	ComFieldList:        phaseFields,
	ComCreateDB:         phaseSingle,
	ComDropDB:           phaseSingle,
	ComRefresh:          phaseSingle,
	ComShutdown:         phaseSingle,
	ComStatistics:       phaseText,
	ComProcessInfo:      phaseFirst,
	ComProcessKill:      phaseSingle,
	ComDebug:            phaseSingle,
	ComPing:             phaseSingle,
	ComChangeUser:       phaseAuth,
	ComStmtPrepare:      phasePrepare,
	ComStmtExecute:      phaseFirst,
	ComStmtReset:        phaseSingle,
	ComSetOption:        phaseSingle,
	ComStmtFetch:        phaseFetch,
	ComResetConnection:  phaseSingle,
	ComStmtBulkExecute:  phaseFirst,
	ComStmtClose:        phaseEnded,
	ComStmtSendLongData: phaseEnded,
}

// Silent reports whether a server sends nothing in answer to c.
func (c Command) Silent() bool { return c == ComStmtClose || c == ComStmtSendLongData }

// Followable reports whether an Exchange knows the shape of the response to c. Replication commands, commands that
// are internal to the server and unknown ones are not: of those it understands a refusal alone.
func (c Command) Followable() bool { return first[c] != phaseEnded || c.Silent() }

// Begin starts following the response to c, which must not be silent. cursor: it is a COM_STMT_EXECUTE that asks for a cursor, see [AsksCursor]. A block has
// cursors of its own, whose flag its results show as well (MariaDB), and rows behind that, whatever was asked for.
func (x *Exchange) Begin(c Command, cursor bool) {
	if x.phase = first[c]; x.phase == phaseEnded {
		x.phase = phaseRefusal
	}
	x.cursor = cursor
}

// AsksCursor reports whether a command, of which body is the beginning, is a COM_STMT_EXECUTE whose flags ask for a cursor, or are not there.
func AsksCursor(body []byte) bool {
	const types = 0x01 | 0x02 | 0x04 // CURSOR_TYPE_READ_ONLY, FOR_UPDATE, SCROLLABLE
	return len(body) > 0 && Command(body[0]) == ComStmtExecute && (len(body) < 6 || body[5]&types != 0)
}

// InRows reports whether rows are passing, so that Framer.SkipRows may be used.
func (x *Exchange) InRows() bool { return x.phase == phaseRows || x.phase == phaseFetch }

// Endable reports whether an ERR_Packet may end the response here though part of it has passed: the next packet is a row or ends the rows.
func (x *Exchange) Endable() bool { return x.phase == phaseRows }

// AtOK reports whether the next packet, if it begins with 0x00, is an OK_Packet.
func (x *Exchange) AtOK() bool {
	return x.phase == phaseFirst || x.phase == phaseSingle || x.phase == phaseAuth
}

// AtPrepareOK reports whether the next packet, if it begins with 0x00, is a COM_STMT_PREPARE_OK.
func (x *Exchange) AtPrepareOK() bool { return x.phase == phasePrepare }

// Server takes the next packet of the response. Done and Failed hold once the whole packet has passed. The packet
// must not be one that continues another.
func (x *Exchange) Server(p Packet) Step {
	if p.Len == 0 || len(p.Body) == 0 {
		return x.empty()
	}
	switch x.phase {
	case phaseFirst:
		return x.firstPacket(p)
	case phaseColumns, phaseParams, phasePrepCols:
		return x.definition(p)
	case phaseColumnsEOF, phaseParamsEOF, phasePrepEOF:
		return x.definitionsEnd(p)
	case phaseRows, phaseFetch:
		return x.row(p)
	case phaseSingle:
		return x.single(p)
	case phaseText:
		return x.end(Done)
	case phaseFields:
		return x.field(p)
	case phasePrepare:
		return x.prepared(p)
	case phaseAuth:
		return x.auth(p)
	case phaseUntilClose:
		return More
	case phaseRefusal:
		if p.Body[0] == headerERR {
			return x.failed(p)
		}
	case phaseEnded:
	}
	return x.end(Lost)
}

// empty takes a packet without payload: only a row of a result without columns or a text can be one.
func (x *Exchange) empty() Step {
	switch x.phase {
	case phaseText:
		return x.end(Done)
	case phaseUntilClose:
		return More
	default:
		return x.end(Lost)
	}
}

// single takes the one packet that is the whole response.
func (x *Exchange) single(p Packet) Step {
	switch {
	case p.Body[0] == headerERR:
		return x.failed(p)
	case p.Body[0] == headerOK, p.Body[0] == headerEOF && p.Len >= minOK:
		x.Status = okStatus(p.Body, x.Status)
	case p.Body[0] == headerEOF:
		x.Status = eofStatus(p.Body, x.Status)
	default:
		return x.end(Lost)
	}
	return x.end(Done)
}

// minOK is the length of the shortest OK_Packet: header, two one-byte integers, flags, warnings.
const minOK = 7

func (x *Exchange) auth(p Packet) Step {
	switch p.Body[0] {
	case headerOK:
		x.Status = okStatus(p.Body, x.Status)
		return x.end(Done)
	case headerERR:
		return x.failed(p)
	case headerEOF, headerMore:
		return ClientAuth
	}
	return x.end(Lost)
}

// failed takes an ERR_Packet, which ends a response wherever it stands, unless it is MariaDB reporting progress.
func (x *Exchange) failed(p Packet) Step {
	if len(p.Body) >= 3 && binary.LittleEndian.Uint16(p.Body[1:]) == progressReport {
		return More
	}
	return x.end(Failed)
}

func (x *Exchange) end(s Step) Step {
	x.phase = phaseEnded
	return s
}

package wire

import "encoding/binary"

func (x *Exchange) firstPacket(p Packet) Step {
	switch p.Body[0] {
	case headerOK:
		return x.resultEnd(p, true)
	case headerERR:
		return x.failed(p)
	case headerInfile:
		return ClientFile // the phase stays: an OK or ERR follows what the client sends
	}
	n, size := LenencInt(p.Body)
	if size == 0 || n == 0 || n > maxColumns {
		return x.end(Lost)
	}
	x.defs = uint32(n)
	if x.ext&MariaDBClientCacheMetadata != 0 {
		if len(p.Body) <= size {
			return x.end(Lost)
		}
		if p.Body[size] == 0 { // the client has these definitions from an earlier execution
			x.defs = 0
		}
	}
	x.phase = phaseColumns
	x.definitionsDone()
	return More
}

// maxColumns bounds a column count: MySQL allows 4,096 columns in a table and a select list, StarRocks
// 10,000; 65,535 is what COM_STMT_PREPARE_OK can carry.
const maxColumns = 1<<16 - 1

// definition takes a column or parameter definition.
func (x *Exchange) definition(p Packet) Step {
	if p.Body[0] == headerERR {
		return x.failed(p)
	}
	x.defs--
	return x.definitionsDone()
}

// definitionsDone moves on once no definition is left.
func (x *Exchange) definitionsDone() Step {
	if x.defs > 0 {
		return More
	}
	if x.caps&ClientDeprecateEOF == 0 {
		x.phase++ // each phase of definitions is followed by that of its EOF_Packet
		return More
	}
	return x.definitionsOver()
}

// definitionsEnd takes the EOF_Packet behind definitions.
func (x *Exchange) definitionsEnd(p Packet) Step {
	switch {
	case p.Body[0] == headerERR:
		return x.failed(p)
	case p.Body[0] != headerEOF || p.Len >= maxEOF:
		return x.end(Lost)
	}
	x.Status = eofStatus(p.Body, x.Status)
	if x.cursor && x.phase == phaseColumnsEOF && x.Status&(StatusCursorExists|StatusMoreResults) == StatusCursorExists {
		return x.resultOver() // a cursor was opened: the rows come with COM_STMT_FETCH
	}
	return x.definitionsOver()
}

func (x *Exchange) definitionsOver() Step {
	switch x.phase {
	case phaseColumns, phaseColumnsEOF:
		x.phase = phaseRows
		return More
	case phaseParams, phaseParamsEOF:
		if x.columns == 0 {
			return x.end(Done)
		}
		x.phase, x.defs = phasePrepCols, x.columns
		return More
	default:
		return x.end(Done)
	}
}

// row takes a row, or what ends the rows. A row whose first column is 16 MiB or longer begins with 0xfe as well, but
// then fills a whole packet.
func (x *Exchange) row(p Packet) Step {
	switch p.Body[0] {
	case headerERR:
		return x.failed(p)
	case headerEOF:
		if x.endsRows(p) {
			return x.resultEnd(p, x.caps&ClientDeprecateEOF != 0)
		}
	}
	return More
}

func (x *Exchange) endsRows(p Packet) bool {
	if x.caps&ClientDeprecateEOF != 0 {
		return p.Len < MaxPayload
	}
	return p.Len < maxEOF
}

// maxEOF is the length from which on a packet that begins with 0xfe cannot be an EOF_Packet.
const maxEOF = 9

// field takes a packet of a COM_FIELD_LIST response.
func (x *Exchange) field(p Packet) Step {
	switch p.Body[0] {
	case headerERR:
		return x.failed(p)
	case headerEOF:
		return x.single(p)
	}
	return More
}

func (x *Exchange) prepared(p Packet) Step {
	if p.Body[0] == headerERR {
		return x.failed(p)
	}
	if p.Body[0] != headerOK || len(p.Body) < 9 {
		return x.end(Lost)
	}
	x.columns = uint32(binary.LittleEndian.Uint16(p.Body[5:]))
	x.defs = uint32(binary.LittleEndian.Uint16(p.Body[7:]))
	if x.defs == 0 {
		x.phase = phaseParamsEOF
		return x.definitionsOver()
	}
	x.phase = phaseParams
	return More
}

// resultEnd takes the packet that ends one result: an OK_Packet, by shape, if ok is true, otherwise an EOF_Packet.
func (x *Exchange) resultEnd(p Packet, ok bool) Step {
	if ok {
		x.Status = okStatus(p.Body, x.Status)
	} else {
		x.Status = eofStatus(p.Body, x.Status)
	}
	return x.resultOver()
}

func (x *Exchange) resultOver() Step {
	if x.Status&StatusMoreResults != 0 && x.phase != phaseFetch {
		x.phase = phaseFirst
		return More
	}
	return x.end(Done)
}

// okStatus reads the status flags of an OK_Packet, or returns old if it is too short to hold them.
func okStatus(body []byte, old Status) Status {
	at := 1
	for range 2 { // affected rows, last insert id
		if at >= len(body) {
			return old
		}
		_, size := LenencInt(body[at:])
		if size == 0 {
			return old
		}
		at += size
	}
	if len(body) < at+2 {
		return old
	}
	return Status(binary.LittleEndian.Uint16(body[at:]))
}

// eofStatus reads the status flags of an EOF_Packet: header, warnings, flags.
func eofStatus(body []byte, old Status) Status {
	if len(body) < 5 {
		return old
	}
	return Status(binary.LittleEndian.Uint16(body[3:]))
}

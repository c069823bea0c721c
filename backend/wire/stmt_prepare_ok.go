package wire

import "encoding/binary"

// StmtPrepareOK is COM_STMT_PREPARE_OK. After it come NumParams parameter definitions, then NumColumns column definitions,
// each block followed by an EOF_Packet unless ClientDeprecateEOF is agreed on; an empty block has none.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_prepare.html#sect_protocol_com_stmt_prepare_response_ok
type StmtPrepareOK struct {
	StatementID uint32
	NumColumns  uint16
	NumParams   uint16
	Warnings    uint16
	// Trailer is what follows: metadata_follows with ClientOptionalResultsetMetadata.
	Trailer []byte
}

// MetadataFollows reports whether definitions follow, as far as this packet can tell: only with ClientOptionalResultsetMetadata
// may a server leave them out.
func (m *StmtPrepareOK) MetadataFollows() bool { return len(m.Trailer) == 0 || m.Trailer[0] != 0 }

// Decode reads a COM_STMT_PREPARE_OK.
func (m *StmtPrepareOK) Decode(payload []byte) error {
	d := newDecoder("COM_STMT_PREPARE_OK", payload)
	d.first(headerOK)
	*m = StmtPrepareOK{
		StatementID: d.uint32("statement_id"),
		NumColumns:  d.uint16("num_columns"),
		NumParams:   d.uint16("num_params"),
	}
	if d.more() { // the manual: "if packet_length > 12"; the earliest servers stop here
		d.take("reserved_1", 1)
		m.Warnings = d.uint16("warning_count")
	}
	m.Trailer = d.end()
	return d.done()
}

// Append appends the payload of the packet.
func (m *StmtPrepareOK) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(append(dst, headerOK), m.StatementID)
	dst = binary.LittleEndian.AppendUint16(dst, m.NumColumns)
	dst = binary.LittleEndian.AppendUint16(dst, m.NumParams)
	dst = binary.LittleEndian.AppendUint16(append(dst, 0), m.Warnings)
	return append(dst, m.Trailer...)
}

package wire

import "encoding/binary"

// ColumnDefinition41 is Protocol::ColumnDefinition41.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset_column_definition.html
type ColumnDefinition41 struct {
	Catalog  string // always "def"
	Schema   string
	Table    string
	OrgTable string
	Name     string
	OrgName  string
	// ExtMetadata is MariaDB's extended type information, only with [MariaDBClientExtendedMetadata].
	ExtMetadata  []byte
	Charset      uint16 // character_set, a collation id
	ColumnLength uint32 // column_length, in bytes
	Type         FieldType
	Flags        uint16
	Decimals     uint8
	// Trailer is what follows: the default value, in an answer to COM_FIELD_LIST.
	Trailer []byte
}

const fixedFieldsLen = 0x0c

// Decode reads a column definition from a server with which the extended capabilities ext are agreed on.
func (m *ColumnDefinition41) Decode(payload []byte, ext uint32) error {
	d := newDecoder("ColumnDefinition41", payload)
	*m = ColumnDefinition41{
		Catalog:  d.lenencText("catalog"),
		Schema:   d.lenencText("schema"),
		Table:    d.lenencText("table"),
		OrgTable: d.lenencText("org_table"),
		Name:     d.lenencText("name"),
		OrgName:  d.lenencText("org_name"),
	}
	if ext&MariaDBClientExtendedMetadata != 0 {
		m.ExtMetadata = d.lenenc("extended metadata")
	}
	if n := d.lenencInt("length of fixed length fields"); d.err == nil && n != fixedFieldsLen {
		d.fail("length of fixed length fields", "is not 12")
	}
	m.Charset = d.uint16("character_set")
	m.ColumnLength = d.uint32("column_length")
	m.Type = FieldType(d.uint8("type"))
	m.Flags = d.uint16("flags")
	m.Decimals = d.uint8("decimals")
	d.take("reserved", 2)
	m.Trailer = d.end()
	return d.done()
}

// Append appends the payload of the definition.
func (m *ColumnDefinition41) Append(dst []byte, ext uint32) []byte {
	for _, s := range [...]string{m.Catalog, m.Schema, m.Table, m.OrgTable, m.Name, m.OrgName} {
		dst = AppendLenencString(dst, s)
	}
	if ext&MariaDBClientExtendedMetadata != 0 {
		dst = AppendLenencString(dst, m.ExtMetadata)
	}
	dst = binary.LittleEndian.AppendUint16(append(dst, fixedFieldsLen), m.Charset)
	dst = binary.LittleEndian.AppendUint32(dst, m.ColumnLength)
	dst = binary.LittleEndian.AppendUint16(append(dst, byte(m.Type)), m.Flags)
	dst = append(dst, m.Decimals, 0, 0)
	return append(dst, m.Trailer...)
}

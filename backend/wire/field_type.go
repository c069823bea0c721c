package wire

// FieldType is the type of a column or of a parameter of a prepared statement.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/field__types_8h.html
type FieldType uint8

// The field types. The name in the manual is MYSQL_TYPE_….
const (
	TypeDecimal    FieldType = 0x00
	TypeTiny       FieldType = 0x01
	TypeShort      FieldType = 0x02
	TypeLong       FieldType = 0x03
	TypeFloat      FieldType = 0x04
	TypeDouble     FieldType = 0x05
	TypeNull       FieldType = 0x06
	TypeTimestamp  FieldType = 0x07
	TypeLongLong   FieldType = 0x08
	TypeInt24      FieldType = 0x09
	TypeDate       FieldType = 0x0a
	TypeTime       FieldType = 0x0b
	TypeDatetime   FieldType = 0x0c
	TypeYear       FieldType = 0x0d
	TypeVarchar    FieldType = 0x0f
	TypeBit        FieldType = 0x10
	TypeJSON       FieldType = 0xf5
	TypeNewDecimal FieldType = 0xf6
	TypeEnum       FieldType = 0xf7
	TypeSet        FieldType = 0xf8
	TypeTinyBlob   FieldType = 0xf9
	TypeMediumBlob FieldType = 0xfa
	TypeLongBlob   FieldType = 0xfb
	TypeBlob       FieldType = 0xfc
	TypeVarString  FieldType = 0xfd
	TypeString     FieldType = 0xfe
	TypeGeometry   FieldType = 0xff
)

// UnsignedFlag is UNSIGNED_FLAG of a column definition.
const UnsignedFlag = 1 << 5

package wire

// Status is the set of status flags that a server sends in OK and EOF packets and in its greeting.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/mysql__com_8h.html#a1d854e841086925be1883e4d7b4e8cad
type Status uint16

// The status flags. The name in the manual is SERVER_STATUS_… or SERVER_…
const (
	StatusInTrans             Status = 0x0001
	StatusAutocommit          Status = 0x0002
	StatusMoreResults         Status = 0x0008 // SERVER_MORE_RESULTS_EXISTS
	StatusNoGoodIndexUsed     Status = 0x0010 // SERVER_QUERY_NO_GOOD_INDEX_USED
	StatusNoIndexUsed         Status = 0x0020 // SERVER_QUERY_NO_INDEX_USED
	StatusCursorExists        Status = 0x0040
	StatusLastRowSent         Status = 0x0080
	StatusDBDropped           Status = 0x0100
	StatusNoBackslashEscapes  Status = 0x0200
	StatusMetadataChanged     Status = 0x0400
	StatusQueryWasSlow        Status = 0x0800
	StatusPSOutParams         Status = 0x1000
	StatusInTransReadonly     Status = 0x2000
	StatusSessionStateChanged Status = 0x4000
	StatusAnsiQuotes          Status = 0x8000 // SERVER_STATUS_ANSI_QUOTES, MariaDB only
)

// Has reports whether s contains every flag of want.
func (s Status) Has(want Status) bool { return s&want == want }

package wire_test

import (
	"bytes"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"segue/backend/wire"
)

// go-mysql is the oracle: constants must be equal, its client must understand what we write, its server too, in both directions.

func TestOracle_Constants(t *testing.T) {
	capabilities := map[wire.Capability]uint32{
		wire.ClientLongPassword: mysql.CLIENT_LONG_PASSWORD, wire.ClientFoundRows: mysql.CLIENT_FOUND_ROWS,
		wire.ClientLongFlag: mysql.CLIENT_LONG_FLAG, wire.ClientConnectWithDB: mysql.CLIENT_CONNECT_WITH_DB,
		wire.ClientNoSchema: mysql.CLIENT_NO_SCHEMA, wire.ClientCompress: mysql.CLIENT_COMPRESS,
		wire.ClientODBC: mysql.CLIENT_ODBC, wire.ClientLocalFiles: mysql.CLIENT_LOCAL_FILES,
		wire.ClientIgnoreSpace: mysql.CLIENT_IGNORE_SPACE, wire.ClientProtocol41: mysql.CLIENT_PROTOCOL_41,
		wire.ClientInteractive: mysql.CLIENT_INTERACTIVE, wire.ClientSSL: mysql.CLIENT_SSL,
		wire.ClientIgnoreSigpipe: mysql.CLIENT_IGNORE_SIGPIPE, wire.ClientTransactions: mysql.CLIENT_TRANSACTIONS,
		wire.ClientReserved: mysql.CLIENT_RESERVED, wire.ClientSecureConnection: mysql.CLIENT_SECURE_CONNECTION,
		wire.ClientMultiStatements: mysql.CLIENT_MULTI_STATEMENTS, wire.ClientMultiResults: mysql.CLIENT_MULTI_RESULTS,
		wire.ClientPSMultiResults: mysql.CLIENT_PS_MULTI_RESULTS, wire.ClientPluginAuth: mysql.CLIENT_PLUGIN_AUTH,
		wire.ClientConnectAttrs: mysql.CLIENT_CONNECT_ATTRS, wire.ClientPluginAuthLenencClientData: mysql.CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA,
		wire.ClientCanHandleExpiredPasswords: mysql.CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS, wire.ClientSessionTrack: mysql.CLIENT_SESSION_TRACK,
		wire.ClientDeprecateEOF: mysql.CLIENT_DEPRECATE_EOF, wire.ClientOptionalResultsetMetadata: mysql.CLIENT_OPTIONAL_RESULTSET_METADATA,
		wire.ClientZstdCompressionAlgorithm: mysql.CLIENT_ZSTD_COMPRESSION_ALGORITHM, wire.ClientQueryAttributes: mysql.CLIENT_QUERY_ATTRIBUTES,
		wire.MultiFactorAuthentication: mysql.MULTI_FACTOR_AUTHENTICATION, wire.ClientCapabilityExtension: mysql.CLIENT_CAPABILITY_EXTENSION,
		wire.ClientSSLVerifyServerCert: mysql.CLIENT_SSL_VERIFY_SERVER_CERT, wire.ClientRememberOptions: mysql.CLIENT_REMEMBER_OPTIONS,
	}
	if len(capabilities) != 32 {
		t.Errorf("%d capabilities compared, not 32", len(capabilities))
	}
	for ours, theirs := range capabilities {
		if uint32(ours) != theirs {
			t.Errorf("capability %#x is %#x in go-mysql", ours, theirs)
		}
	}
	for ours, theirs := range map[wire.Status]uint16{
		wire.StatusInTrans: mysql.SERVER_STATUS_IN_TRANS, wire.StatusAutocommit: mysql.SERVER_STATUS_AUTOCOMMIT,
		wire.StatusMoreResults: mysql.SERVER_MORE_RESULTS_EXISTS, wire.StatusNoGoodIndexUsed: mysql.SERVER_STATUS_NO_GOOD_INDEX_USED,
		wire.StatusNoIndexUsed: mysql.SERVER_STATUS_NO_INDEX_USED, wire.StatusCursorExists: mysql.SERVER_STATUS_CURSOR_EXISTS,
		wire.StatusLastRowSent: mysql.SERVER_STATUS_LAST_ROW_SEND, wire.StatusDBDropped: mysql.SERVER_STATUS_DB_DROPPED,
		wire.StatusNoBackslashEscapes: mysql.SERVER_STATUS_NO_BACKSLASH_ESCAPED, wire.StatusMetadataChanged: mysql.SERVER_STATUS_METADATA_CHANGED,
		wire.StatusQueryWasSlow: mysql.SERVER_QUERY_WAS_SLOW, wire.StatusPSOutParams: mysql.SERVER_PS_OUT_PARAMS,
		wire.StatusInTransReadonly: mysql.SERVER_STATUS_IN_TRANS_READONLY, wire.StatusSessionStateChanged: mysql.SERVER_SESSION_STATE_CHANGED,
	} {
		if uint16(ours) != theirs {
			t.Errorf("status %#x is %#x in go-mysql", ours, theirs)
		}
	}
}

func TestOracle_Commands(t *testing.T) {
	for ours, theirs := range map[wire.Command]byte{
		wire.ComQuit: mysql.COM_QUIT, wire.ComInitDB: mysql.COM_INIT_DB, wire.ComQuery: mysql.COM_QUERY, wire.ComFieldList: mysql.COM_FIELD_LIST,
		wire.ComCreateDB: mysql.COM_CREATE_DB, wire.ComDropDB: mysql.COM_DROP_DB, wire.ComRefresh: mysql.COM_REFRESH, wire.ComShutdown: mysql.COM_SHUTDOWN,
		wire.ComStatistics: mysql.COM_STATISTICS, wire.ComProcessInfo: mysql.COM_PROCESS_INFO, wire.ComProcessKill: mysql.COM_PROCESS_KILL,
		wire.ComDebug: mysql.COM_DEBUG, wire.ComPing: mysql.COM_PING, wire.ComChangeUser: mysql.COM_CHANGE_USER,
		wire.ComBinlogDump: mysql.COM_BINLOG_DUMP, wire.ComTableDump: mysql.COM_TABLE_DUMP, wire.ComRegisterSlave: mysql.COM_REGISTER_SLAVE,
		wire.ComStmtPrepare: mysql.COM_STMT_PREPARE, wire.ComStmtExecute: mysql.COM_STMT_EXECUTE, wire.ComStmtSendLongData: mysql.COM_STMT_SEND_LONG_DATA,
		wire.ComStmtClose: mysql.COM_STMT_CLOSE, wire.ComStmtReset: mysql.COM_STMT_RESET, wire.ComSetOption: mysql.COM_SET_OPTION,
		wire.ComStmtFetch: mysql.COM_STMT_FETCH, wire.ComBinlogDumpGTID: mysql.COM_BINLOG_DUMP_GTID, wire.ComResetConnection: mysql.COM_RESET_CONNECTION,
		wire.ComClone: mysql.COM_CLONE, wire.ComSubscribeGroupReplicationStream: mysql.COM_SUBSCRIBE_GROUP_REPLICATION_STREAM,
	} {
		if byte(ours) != theirs {
			t.Errorf("%s is %d in go-mysql", ours, theirs)
		}
	}
	for ours, theirs := range map[wire.FieldType]byte{
		wire.TypeDecimal: mysql.MYSQL_TYPE_DECIMAL, wire.TypeTiny: mysql.MYSQL_TYPE_TINY, wire.TypeShort: mysql.MYSQL_TYPE_SHORT, wire.TypeLong: mysql.MYSQL_TYPE_LONG,
		wire.TypeFloat: mysql.MYSQL_TYPE_FLOAT, wire.TypeDouble: mysql.MYSQL_TYPE_DOUBLE, wire.TypeNull: mysql.MYSQL_TYPE_NULL,
		wire.TypeTimestamp: mysql.MYSQL_TYPE_TIMESTAMP, wire.TypeLongLong: mysql.MYSQL_TYPE_LONGLONG, wire.TypeInt24: mysql.MYSQL_TYPE_INT24,
		wire.TypeDate: mysql.MYSQL_TYPE_DATE, wire.TypeTime: mysql.MYSQL_TYPE_TIME, wire.TypeDatetime: mysql.MYSQL_TYPE_DATETIME, wire.TypeYear: mysql.MYSQL_TYPE_YEAR,
		wire.TypeVarchar: mysql.MYSQL_TYPE_VARCHAR, wire.TypeBit: mysql.MYSQL_TYPE_BIT, wire.TypeJSON: mysql.MYSQL_TYPE_JSON,
		wire.TypeNewDecimal: mysql.MYSQL_TYPE_NEWDECIMAL, wire.TypeEnum: mysql.MYSQL_TYPE_ENUM, wire.TypeSet: mysql.MYSQL_TYPE_SET,
		wire.TypeTinyBlob: mysql.MYSQL_TYPE_TINY_BLOB, wire.TypeMediumBlob: mysql.MYSQL_TYPE_MEDIUM_BLOB, wire.TypeLongBlob: mysql.MYSQL_TYPE_LONG_BLOB,
		wire.TypeBlob: mysql.MYSQL_TYPE_BLOB, wire.TypeVarString: mysql.MYSQL_TYPE_VAR_STRING, wire.TypeString: mysql.MYSQL_TYPE_STRING,
		wire.TypeGeometry: mysql.MYSQL_TYPE_GEOMETRY,
	} {
		if byte(ours) != theirs {
			t.Errorf("field type %d is %d in go-mysql", ours, theirs)
		}
	}
}

func TestOracle_NativePassword(t *testing.T) {
	salt := []byte("0123456789abcdefghij")
	for _, password := range []string{"", "x", "segue segue", string(bytes.Repeat([]byte{0xff}, 100))} {
		if got, want := wire.NativePassword(salt, []byte(password)), mysql.CalcPassword(salt, []byte(password)); !bytes.Equal(got, want) {
			t.Errorf("NativePassword(%q) = %x, want %x", password, got, want)
		}
	}
}

package wire

import "fmt"

// Command is the first byte of a packet in the command phase.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/my__command_8h.html
type Command uint8

// The commands of MySQL, then the one that MariaDB added. The name in the manual is COM_… for Com….
const (
	ComSleep Command = iota
	ComQuit
	ComInitDB
	ComQuery
	ComFieldList
	ComCreateDB
	ComDropDB
	ComRefresh
	ComShutdown // COM_SHUTDOWN; COM_DEPRECATED_1 in newer manuals
	ComStatistics
	ComProcessInfo
	ComConnect
	ComProcessKill
	ComDebug
	ComPing
	ComTime
	ComDelayedInsert
	ComChangeUser
	ComBinlogDump
	ComTableDump
	ComConnectOut
	ComRegisterSlave
	ComStmtPrepare
	ComStmtExecute
	ComStmtSendLongData // has no answer
	ComStmtClose        // has no answer
	ComStmtReset
	ComSetOption
	ComStmtFetch
	ComDaemon
	ComBinlogDumpGTID
	ComResetConnection
	ComClone
	ComSubscribeGroupReplicationStream

	// ComStmtBulkExecute is MariaDB's. https://mariadb.com/kb/en/com_stmt_bulk_execute/
	ComStmtBulkExecute Command = 0xfa
	// ComMulti is MariaDB's: several commands in one packet, each answered. https://mariadb.com/kb/en/com_multi/
	ComMulti Command = 0xfe
)

var commandNames = [...]string{
	ComSleep:                           "COM_SLEEP",
	ComQuit:                            "COM_QUIT",
	ComInitDB:                          "COM_INIT_DB",
	ComQuery:                           "COM_QUERY",
	ComFieldList:                       "COM_FIELD_LIST",
	ComCreateDB:                        "COM_CREATE_DB",
	ComDropDB:                          "COM_DROP_DB",
	ComRefresh:                         "COM_REFRESH",
	ComShutdown:                        "COM_SHUTDOWN",
	ComStatistics:                      "COM_STATISTICS",
	ComProcessInfo:                     "COM_PROCESS_INFO",
	ComConnect:                         "COM_CONNECT",
	ComProcessKill:                     "COM_PROCESS_KILL",
	ComDebug:                           "COM_DEBUG",
	ComPing:                            "COM_PING",
	ComTime:                            "COM_TIME",
	ComDelayedInsert:                   "COM_DELAYED_INSERT",
	ComChangeUser:                      "COM_CHANGE_USER",
	ComBinlogDump:                      "COM_BINLOG_DUMP",
	ComTableDump:                       "COM_TABLE_DUMP",
	ComConnectOut:                      "COM_CONNECT_OUT",
	ComRegisterSlave:                   "COM_REGISTER_SLAVE",
	ComStmtPrepare:                     "COM_STMT_PREPARE",
	ComStmtExecute:                     "COM_STMT_EXECUTE",
	ComStmtSendLongData:                "COM_STMT_SEND_LONG_DATA",
	ComStmtClose:                       "COM_STMT_CLOSE",
	ComStmtReset:                       "COM_STMT_RESET",
	ComSetOption:                       "COM_SET_OPTION",
	ComStmtFetch:                       "COM_STMT_FETCH",
	ComDaemon:                          "COM_DAEMON",
	ComBinlogDumpGTID:                  "COM_BINLOG_DUMP_GTID",
	ComResetConnection:                 "COM_RESET_CONNECTION",
	ComClone:                           "COM_CLONE",
	ComSubscribeGroupReplicationStream: "COM_SUBSCRIBE_GROUP_REPLICATION_STREAM",
}

// String returns the manual's name, such as COM_QUERY, or COM_0xNN for a byte that no manual names.
func (c Command) String() string {
	switch {
	case int(c) < len(commandNames):
		return commandNames[c]
	case c == ComStmtBulkExecute:
		return "COM_STMT_BULK_EXECUTE"
	case c == ComMulti:
		return "COM_MULTI"
	}
	return fmt.Sprintf("COM_0x%02x", uint8(c))
}

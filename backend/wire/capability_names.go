package wire

// capabilityNames are the manual's names by bit.
var capabilityNames = [32]string{
	"CLIENT_LONG_PASSWORD", "CLIENT_FOUND_ROWS", "CLIENT_LONG_FLAG", "CLIENT_CONNECT_WITH_DB", "CLIENT_NO_SCHEMA", "CLIENT_COMPRESS", "CLIENT_ODBC",
	"CLIENT_LOCAL_FILES", "CLIENT_IGNORE_SPACE", "CLIENT_PROTOCOL_41", "CLIENT_INTERACTIVE", "CLIENT_SSL", "CLIENT_IGNORE_SIGPIPE",
	"CLIENT_TRANSACTIONS", "CLIENT_RESERVED", "CLIENT_RESERVED2", "CLIENT_MULTI_STATEMENTS", "CLIENT_MULTI_RESULTS", "CLIENT_PS_MULTI_RESULTS",
	"CLIENT_PLUGIN_AUTH", "CLIENT_CONNECT_ATTRS", "CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA", "CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS",
	"CLIENT_SESSION_TRACK", "CLIENT_DEPRECATE_EOF", "CLIENT_OPTIONAL_RESULTSET_METADATA", "CLIENT_ZSTD_COMPRESSION_ALGORITHM",
	"CLIENT_QUERY_ATTRIBUTES", "MULTI_FACTOR_AUTHENTICATION", "CLIENT_CAPABILITY_EXTENSION", "CLIENT_SSL_VERIFY_SERVER_CERT", "CLIENT_REMEMBER_OPTIONS",
}

// extCapabilityNames are those of MariaDB's extended capabilities.
var extCapabilityNames = [6]string{
	"MARIADB_CLIENT_PROGRESS", "MARIADB_CLIENT_COM_MULTI", "MARIADB_CLIENT_STMT_BULK_OPERATIONS", "MARIADB_CLIENT_EXTENDED_METADATA",
	"MARIADB_CLIENT_CACHE_METADATA", "MARIADB_CLIENT_BULK_UNIT_RESULTS",
}

// CapabilityNames are the names of the flags in c, and in MariaDB's extended ones, in the order of their bits. An extended flag without a name is left out.
func CapabilityNames(c Capability, ext uint32) []string {
	var names []string
	for bit, name := range capabilityNames {
		if c&(1<<bit) != 0 {
			names = append(names, name)
		}
	}
	for bit, name := range extCapabilityNames {
		if ext&(1<<bit) != 0 {
			names = append(names, name)
		}
	}
	return names
}

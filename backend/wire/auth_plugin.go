package wire

// Names of authentication plugins.
const (
	PluginNativePassword      = "mysql_native_password"
	PluginOldPassword         = "mysql_old_password"
	PluginClearPassword       = "mysql_clear_password"
	PluginCachingSHA2Password = "caching_sha2_password"
	PluginTiDBSessionToken    = "tidb_session_token"
)

// SaltLen is the length of the salt (SCRAMBLE_LENGTH) of mysql_native_password and caching_sha2_password.
const SaltLen = 20

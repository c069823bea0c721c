package wire

// Names of authentication plugins: the client's side of them, which is what an AuthSwitchRequest names.
const (
	PluginNativePassword      = "mysql_native_password"
	PluginOldPassword         = "mysql_old_password"
	PluginClearPassword       = "mysql_clear_password" // also of LDAP (StarRocks, Doris, TiDB, MySQL), PAM, and TiDB's tidb_auth_token
	PluginSHA256Password      = "sha256_password"
	PluginCachingSHA2Password = "caching_sha2_password"
	PluginEd25519             = "client_ed25519"    // MariaDB
	PluginDialog              = "dialog"            // MariaDB's for PAM: it asks whatever the server's modules want to know
	PluginParsec              = "parsec"            // MariaDB, since 11.6
	PluginTiDBSM3Password     = "tidb_sm3_password" // caching_sha2_password's exchange with SM3 in place of SHA-256
	PluginTiDBSessionToken    = "tidb_session_token"
	PluginOpenIDConnect       = "authentication_openid_connect_client" // a JSON Web Token: StarRocks, MySQL
)

// SaltLen is the length of the salt (SCRAMBLE_LENGTH) of mysql_native_password, caching_sha2_password and their like.
const SaltLen = 20

package wire

import "crypto/sha1"

// Names of authentication plugins.
const (
	PluginNativePassword      = "mysql_native_password"
	PluginOldPassword         = "mysql_old_password"
	PluginClearPassword       = "mysql_clear_password"
	PluginCachingSHA2Password = "caching_sha2_password"
)

// SaltLen is the length of the salt (SCRAMBLE_LENGTH) of mysql_native_password and caching_sha2_password.
const SaltLen = 20

// NativePassword returns the answer of mysql_native_password:
// SHA1(password) XOR SHA1(salt, SHA1(SHA1(password))); nil for an empty password.
// Only the first [SaltLen] bytes of salt count.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_authentication_methods_native_password_authentication.html
func NativePassword(salt, password []byte) []byte {
	if len(password) == 0 {
		return nil
	}
	stage1 := sha1.Sum(password)
	stage2 := sha1.Sum(stage1[:])
	h := sha1.New()
	h.Write(salt[:min(len(salt), SaltLen)])
	h.Write(stage2[:])
	answer := h.Sum(nil)
	for i := range answer {
		answer[i] ^= stage1[i]
	}
	return answer
}

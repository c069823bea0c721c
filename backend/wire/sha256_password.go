package wire

// SHA256RequestKey is what a client answers to sha256_password where nothing hides its password and it does not have the server's public key: the server
// then sends that in an AuthMoreData, and is answered by [EncryptPassword]. Inside TLS the password itself is the answer, see [WholePassword].
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_authentication_methods_sha256_password_authentication.html
const SHA256RequestKey = 0x01

// WholePassword is a password as a NUL-terminated text: what mysql_clear_password says, and the full authentication of sha256_password,
// caching_sha2_password and tidb_sm3_password inside TLS. It is for nobody else to read.
func WholePassword(password []byte) []byte { return append(clone(password), 0) }

// SaidWhole is the password of an answer that [WholePassword] has made; false if it is none.
func SaidWhole(answer []byte) (password []byte, ok bool) {
	if n := len(answer); n > 0 && answer[n-1] == 0 {
		return answer[:n-1], true
	}
	return nil, false
}

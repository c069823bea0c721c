package scramble

import "crypto/subtle"

// saltLen is how much of a salt counts.
const saltLen = 20

// TiDBSM3 returns the first answer of tidb_sm3_password: SM3(password) XOR SM3(SM3(SM3(password)), salt), as caching_sha2_password's with another hash; nil for an
// empty password. Only the first 20 bytes of salt count.
//
// https://docs.pingcap.com/tidb/stable/security-compatibility-with-mysql#tidb_sm3_password
func TiDBSM3(salt, password []byte) []byte {
	if len(password) == 0 {
		return nil
	}
	once := sm3(password)
	twice := sm3(once[:])
	mask := sm3(twice[:], salt[:min(len(salt), saltLen)])
	for i := range mask {
		mask[i] ^= once[i]
	}
	return mask[:]
}

// VerifyTiDBSM3 reports whether answer is that of who knows the password. There is none for an empty one.
func VerifyTiDBSM3(salt, password, answer []byte) bool {
	want := TiDBSM3(salt, password)
	return want != nil && subtle.ConstantTimeCompare(want, answer) == 1
}

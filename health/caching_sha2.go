package health

import (
	"fmt"

	"segue/proxy/wire"
)

// more deals with an AuthMoreData. The full authentication sends the password encrypted with the server's public key.
// That keeps it from those who listen; somebody who answers in the server's place could learn it. The probing user
// therefore should have no privilege.
func (l *login) more(data []byte, seq uint8) error {
	switch {
	case l.plugin != wire.PluginCachingSHA2Password:
		return fmt.Errorf("%w: %s has more to say", errPlugin, short(l.plugin))
	case len(data) == 1 && data[0] == wire.SHA2FastSuccess:
		return nil
	case len(data) == 1 && data[0] == wire.SHA2FullAuth:
		return l.send(seq, []byte{wire.SHA2RequestKey})
	}
	encrypted, err := wire.EncryptPassword([]byte(l.password), l.salt, data)
	if err != nil {
		return fmt.Errorf("%w: %w", errPlugin, err)
	}
	return l.send(seq, encrypted)
}

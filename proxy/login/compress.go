package login

import (
	"segue/backend/compress"
	"segue/backend/wire"
)

// apart are the capabilities that each side agrees upon with Segue alone.
const apart = wire.ClientSSL | compress.Capabilities

// compresses asks the backend at hand for compression, if that is wanted and it offers it.
func (h *Handshake) compresses() {
	if asked := h.policy.Compression.Capability() & h.back.Capabilities; asked != 0 {
		h.told.Capabilities |= asked
		h.told.ZstdLevel = compress.ZstdLevel // it is only said with the capability
	}
}

// Compression is, after LoggedIn, what the client's and the backend's command phase are compressed by.
func (h *Handshake) Compression() (withClient, withBackend compress.Algorithm) {
	return h.packs, compress.Agreed(h.told.Capabilities & h.back.Capabilities)
}

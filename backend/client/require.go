package client

import (
	"errors"
	"fmt"

	"segue/backend/wire"
)

// Requirement is what the connection of a client has to be like that logs in to an account, as REQUIRE of CREATE USER has it.
type Requirement struct {
	TLS         bool
	Certificate bool   // one that an authority of the listener's vouches for
	Subject     string // … and whose subject, as RFC 4514 writes it, is this; empty: any
}

// Peer is what is known of a client's connection.
type Peer struct {
	TLS         bool
	Certificate bool   // it has shown one that is vouched for
	Subject     string // … whose subject is this, as RFC 4514 writes it
}

// Met tells what is missing, if anything.
func (r Requirement) Met(p Peer) error {
	switch {
	case r.TLS && !p.TLS:
		return errors.New("this account is for connections on TLS alone")
	case (r.Certificate || r.Subject != "") && !p.Certificate:
		return errors.New("this account is for clients that show a certificate")
	case r.Subject != "" && r.Subject != p.Subject:
		return fmt.Errorf("this account is for clients with another certificate than that of %q", wire.Shown(p.Subject, wire.MaxShown))
	}
	return nil
}

package sql

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"

	"segue/backend/wire"
)

// The bounds of what a server may say.
const (
	maxLogin   = 16 << 10 // bytes of a packet of the connection phase, and of all that is said in it
	maxAnswer  = 8 << 20  // bytes of one answer
	maxColumns = 4096     // of a result set; a table of MySQL's has no more
)

// phase is what the client reads.
type phase uint8

const (
	login   phase = iota // packets of a login, in clear
	passing              // TLS records, or what another wary looks at
	answers              // packets that answer a command, in clear or above TLS
)

// wary stands between the client and a server that is not to be believed.
type wary struct {
	net.Conn
	phase phase
	unix  bool   // what is said in clear reaches nobody else
	keys  bool   // a public key that comes in clear is believed
	rest  []byte // has been read and checked, and is for the client
	left  int    // bytes that the server may still say
	head  []byte // of the answer: as much of it as has come, until its columns have been looked at
	seen  bool   // they have
	held  error  // what has ended it first
}

// Read implements [net.Conn].
func (w *wary) Read(p []byte) (int, error) {
	if w.held != nil {
		return 0, w.held
	}
	if w.phase == login && len(w.rest) == 0 {
		packet, err := readPacket(w.Conn, &w.left)
		if err == nil {
			err = w.judge(packet[wire.HeaderLen:])
		}
		if err != nil {
			return 0, w.hold(err)
		}
		w.rest = packet
	}
	if len(w.rest) > 0 {
		n := copy(p, w.rest)
		w.rest = w.rest[n:]
		return n, nil
	}
	if w.left <= 0 {
		return 0, w.hold(ErrTooLong)
	}
	n, err := w.Conn.Read(p[:min(len(p), w.left)])
	w.left -= n
	if err == nil && w.phase == answers {
		err = w.look(p[:n])
	}
	if err != nil {
		return 0, w.hold(err)
	}
	return n, nil
}

// Write implements [net.Conn].
func (w *wary) Write(p []byte) (int, error) {
	if w.held != nil {
		return 0, w.held
	}
	n, err := w.Conn.Write(p)
	if err != nil {
		return n, w.hold(err)
	}
	return n, nil
}

func (w *wary) hold(err error) error {
	w.held = err
	return err
}

// begin makes room for the next answer.
func (w *wary) begin() { w.left, w.head, w.seen = maxAnswer, w.head[:0], false }

// judge looks at a packet of a login ahead of the client.
func (w *wary) judge(payload []byte) error {
	const (
		authMoreData      = 0x01
		authSwitchRequest = 0xfe
		key               = "-----BEGIN" // of PEM
	)
	switch {
	case len(payload) == 0:
		return fmt.Errorf("%w: an empty packet", ErrBroken)
	case w.unix:
	case payload[0] == authSwitchRequest:
		if plugin, _, _ := bytes.Cut(payload[1:], []byte{0}); string(plugin) == wire.PluginClearPassword {
			return ErrClearPassword
		}
	case payload[0] == authMoreData && bytes.HasPrefix(payload[1:], []byte(key)) && !w.keys:
		return ErrUntrustedKey
	}
	return nil
}

// look finds out how many columns an answer is to have, before the client makes room for them. What it knows otherwise is the client's to judge.
func (w *wary) look(chunk []byte) error {
	const (
		twoBytes = 0xfc // a length-encoded integer begins so
		more     = 0xfd // … and one of three or eight bytes so, or above
	)
	const enough = wire.HeaderLen + 3
	if w.seen {
		return nil
	}
	w.head = append(w.head, chunk[:min(len(chunk), enough-len(w.head))]...)
	if len(w.head) <= wire.HeaderLen {
		return nil
	}
	size, _ := wire.DecodeHeader(w.head)
	if size == 0 {
		return fmt.Errorf("%w: an empty packet", ErrBroken)
	}
	switch first := w.head[wire.HeaderLen]; {
	case first < twoBytes-1, first == 0xff: // a count below 251, OK or ERR; 0xfb, LOCAL INFILE, the client refuses
	case first == more, first == more+1:
		return fmt.Errorf("%w: too many columns", ErrTooLong)
	case first == twoBytes && len(w.head) < enough:
		if size < 3 {
			return fmt.Errorf("%w: half a number of columns", ErrBroken)
		}
		return nil
	case first == twoBytes:
		if n := int(w.head[wire.HeaderLen+1]) | int(w.head[wire.HeaderLen+2])<<8; n > maxColumns {
			return fmt.Errorf("%w: %d columns", ErrTooLong, n)
		}
	}
	w.seen = true
	return nil
}

// readPacket reads a packet of the connection phase, with its header, and takes its size off left.
func readPacket(r io.Reader, left *int) ([]byte, error) {
	packet := make([]byte, wire.HeaderLen)
	if _, err := io.ReadFull(r, packet); err != nil {
		return nil, cut(err)
	}
	size, _ := wire.DecodeHeader(packet)
	if *left -= wire.HeaderLen + size; *left < 0 {
		return nil, ErrTooLong
	}
	packet = append(packet, make([]byte, size)...)
	if _, err := io.ReadFull(r, packet[wire.HeaderLen:]); err != nil {
		return nil, cut(err)
	}
	return packet, nil
}

// cut tells an end inside of a packet from one that the server has made on purpose.
func cut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the connection ended inside of a packet: %w", err)
	}
	return err
}

package loop

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// rawPeer is a peer of TLS 1.3 that seals its records itself: crypto/tls lets nobody ask for new keys.
type rawPeer struct {
	net.Conn
	in, out direction
}

// direction is how one side seals (RFC 8446, 5.2 and 7.3).
type direction struct {
	secret []byte
	seq    uint64
}

func expand(secret []byte, label string, n int) []byte {
	info := append([]byte{0, byte(n), byte(6 + len(label))}, "tls13 "+label+"\x00"...)
	b, err := hkdf.Expand(sha256.New, secret, string(info), n)
	if err != nil {
		panic(err)
	}
	return b
}

func (d *direction) next() { d.secret, d.seq = expand(d.secret, "traffic upd", 32), 0 }

func (d *direction) aead() (aead cipher.AEAD, nonce []byte) {
	block, err := aes.NewCipher(expand(d.secret, "key", 16))
	if err != nil {
		panic(err)
	}
	if aead, err = cipher.NewGCM(block); err != nil {
		panic(err)
	}
	nonce = expand(d.secret, "iv", 12)
	for i := range 8 {
		nonce[11-i] ^= byte(d.seq >> (8 * i))
	}
	d.seq++
	return aead, nonce
}

// record is one of a type, sealed.
func (p *rawPeer) record(typ byte, b []byte) []byte {
	aead, nonce := p.out.aead()
	b = append(bytes.Clone(b), typ)
	n := len(b) + aead.Overhead()
	header := []byte{23, 3, 3, byte(n >> 8), byte(n)}
	return aead.Seal(bytes.Clone(header), nonce, b, header)
}

// update is a record that announces new keys, and may ask for some.
func (p *rawPeer) update(ask bool) []byte {
	b := []byte{24, 0, 0, 1, 0}
	if ask {
		b[4] = 1
	}
	r := p.record(recordHandshake, b)
	p.out.next()
	return r
}

// next reads a record.
func (p *rawPeer) next(t *testing.T) (typ byte, b []byte) {
	t.Helper()
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(p, header); err != nil {
		t.Fatal(err)
	}
	b = make([]byte, int(header[3])<<8|int(header[4]))
	if _, err := io.ReadFull(p, b); err != nil {
		t.Fatal(err)
	}
	aead, nonce := p.in.aead()
	b, err := aead.Open(nil, nonce, b, header)
	if err != nil {
		t.Fatal(err)
	}
	if typ, b = b[len(b)-1], b[:len(b)-1]; typ == recordHandshake && b[0] == 24 {
		p.in.next()
	}
	return typ, b
}

// rawPeers is a probe with TLS 1.3, and such a peer of it.
func rawPeers(t *testing.T, l *Loop, client bool) (*secureProbe, *rawPeer) {
	t.Helper()
	k := kind{version: tls.VersionTLS13, client: client}
	near, far := pair(t, "tcp")
	var keys strings.Builder
	config := tlsConfig(k.version)
	config.SessionTicketsDisabled = true
	p := newSecureProbe()
	do(t, l, func() {
		_ = p.conn.Adopt(l, SocketOf(near), p)
		_ = p.begin(l, k, config)
	})
	config = config.Clone()
	config.KeyLogWriter = &keys
	nc := k.far(far, config)
	if err := nc.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, p.secured); err != nil {
		t.Fatal(err)
	}
	if nc.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skip("this machine has no AES of its own") // then another suite is preferred, and is not worth a test
	}
	secret := func(side string) direction {
		for line := range strings.Lines(keys.String()) {
			if f := strings.Fields(line); f[0] == side+"_TRAFFIC_SECRET_0" {
				b, _ := hex.DecodeString(f[2])
				return direction{secret: b}
			}
		}
		t.Fatal("there is no such key")
		return direction{}
	}
	peer := &rawPeer{Conn: far, in: secret("SERVER"), out: secret("CLIENT")}
	if client {
		peer.in, peer.out = peer.out, peer.in
	}
	return p, peer
}

// New keys are taken, and answered by new ones where they are asked for; in pieces, too.
func TestKeyUpdate(t *testing.T) {
	for name, o := range pollers() {
		for _, client := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				l := start(t, o)
				p, far := rawPeers(t, l, client)
				for i := range 30 {
					var b []byte
					b = append(b, far.record(23, []byte("a"))...)
					b = append(b, far.update(i%2 == 0)...)
					b = append(b, far.record(23, []byte("b"))...)
					if i%3 == 0 {
						_, _ = inPieces(far, uint64(i), 9).Write(b)
					} else {
						_, _ = far.Write(b)
					}
					if b := gather(t, p.probe, 2); string(b) != "ab" {
						t.Fatalf("%q", b)
					}
					do(t, l, func() { _, _ = p.conn.Write([]byte("answer")) })
					if i%2 == 0 {
						if typ, b := far.next(t); typ != recordHandshake || b[0] != 24 {
							t.Fatalf("%d: %q in place of new keys", typ, b)
						}
					}
					if typ, b := far.next(t); typ != 23 || string(b) != "answer" {
						t.Fatalf("%d: %q", typ, b)
					}
				}
				do(t, l, func() { p.conn.Close() })
			})
		}
	}
}

// A peer that sends nothing but what brings nothing is given up, and so is one that reads no answer.
func TestFloods(t *testing.T) {
	floods := map[string]func(p *rawPeer) []byte{
		"new keys":      func(p *rawPeer) []byte { return p.update(false) },
		"ask for keys":  func(p *rawPeer) []byte { return p.update(true) },
		"empty records": func(p *rawPeer) []byte { return p.record(23, nil) },
		"change cipher": func(*rawPeer) []byte { return []byte{20, 3, 3, 0, 1, 1} },
		"never reads": func(p *rawPeer) (b []byte) {
			for range 16 {
				b = append(b, p.update(true)...)
			}
			return append(b, p.record(23, []byte("x"))...)
		},
	}
	for name, o := range pollers() {
		for what, flood := range floods {
			t.Run(name+" "+what, func(t *testing.T) {
				l := start(t, o)
				p, far := rawPeers(t, l, false)
				_ = far.Conn.(*net.TCPConn).SetReadBuffer(4096)
				do(t, l, func() {
					p.onRead = func(c *Conn) { c.Read() }
					_ = p.conn.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 4096) })
				})
				over := make(chan struct{})
				go func() {
					defer close(over)
					for {
						var b []byte
						for range 100 {
							b = append(b, flood(far)...)
						}
						if _, err := far.Write(b); err != nil {
							return
						}
					}
				}()
				if err := wait(t, p.ended); err == nil || err == io.EOF { //nolint:errorlint // it is never wrapped
					t.Error(err)
				}
				do(t, l, func() {
					if n := p.conn.Pending(); n > maxOwed {
						t.Errorf("%d pending", n)
					}
					p.conn.Close()
				})
				wait(t, over)
			})
		}
	}
}

// Renegotiation is refused, whatever the configuration says.
func TestNoRenegotiation(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			near, far := pair(t, "tcp")
			p := newSecureProbe()
			config := tlsConfig(tls.VersionTLS12)
			config.Renegotiation = tls.RenegotiateFreelyAsClient
			config.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
			do(t, l, func() {
				_ = p.conn.Adopt(l, SocketOf(near), p)
				_ = p.begin(l, kind{client: true}, config)
			})
			var keys strings.Builder
			config = tlsConfig(tls.VersionTLS12)
			config.KeyLogWriter = &keys
			said := &hears{Conn: far}
			if err := tls.Server(said, config).Handshake(); err != nil {
				t.Fatal(err)
			}
			if err := wait(t, p.secured); err != nil {
				t.Fatal(err)
			}
			_, _ = far.Write(helloRequest(strings.Fields(keys.String()), said.said[11:43]))
			if err := wait(t, p.ended); err == nil || !strings.Contains(err.Error(), "no renegotiation") {
				t.Error(err)
			}
			do(t, l, func() { p.conn.Close() })
		})
	}
}

// hears keeps what is written.
type hears struct {
	net.Conn
	said []byte
}

func (h *hears) Write(b []byte) (int, error) {
	h.said = append(h.said, b...)
	return h.Conn.Write(b)
}

// helloRequest is what a server asks for renegotiation with, in the first record behind its Finished (RFC 5246, 6.3 and 7.4.1.1; RFC 5288). keys is the line of the key log.
func helloRequest(keys []string, serverRandom []byte) []byte {
	clientRandom, _ := hex.DecodeString(keys[1])
	master, _ := hex.DecodeString(keys[2])
	seed := slices.Concat([]byte("key expansion"), serverRandom, clientRandom)
	prf := func(parts ...[]byte) []byte {
		h := hmac.New(sha256.New, master)
		for _, b := range parts {
			h.Write(b)
		}
		return h.Sum(nil)
	}
	a1 := prf(seed)
	block := append(prf(a1, seed), prf(prf(a1), seed)...)
	c, _ := aes.NewCipher(block[16:32])
	aead, _ := cipher.NewGCM(c)
	seq := []byte{0, 0, 0, 0, 0, 0, 0, 1}
	sealed := aead.Seal(nil, append(bytes.Clone(block[36:40]), seq...), []byte{0, 0, 0, 0}, append(bytes.Clone(seq), recordHandshake, 3, 3, 0, 4))
	return slices.Concat([]byte{recordHandshake, 3, 3, 0, byte(8 + len(sealed))}, seq, sealed)
}

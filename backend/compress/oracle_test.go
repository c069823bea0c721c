package compress_test

import (
	"bytes"
	stdzlib "compress/zlib"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/packet"

	"segue/backend/compress"
	"segue/backend/wire"
)

// content is what the standard library makes of a compressed packet by zlib.
func content(t *testing.T, b []byte) []byte {
	t.Helper()
	length := int(b[4]) | int(b[5])<<8 | int(b[6])<<16
	b = b[compress.HeaderLen:]
	if length == 0 {
		return b
	}
	r, err := stdzlib.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil || len(out) != length {
		t.Fatalf("%d bytes, want %d: %v", len(out), length, err)
	}
	return out
}

// TestOracle has go-mysql speak with both ends: it believes no sequence id that is not the next. What it writes of packets longer than one can be it does not compress.
func TestOracle(t *testing.T) {
	for by, a := range map[uint8]compress.Algorithm{mysql.MYSQL_COMPRESS_ZLIB: compress.Zlib, mysql.MYSQL_COMPRESS_ZSTD: compress.Zstd} {
		for _, size := range []int{10, 1000, 200_000} {
			near, far := net.Pipe()
			t.Cleanup(func() { _, _ = near.Close(), far.Close() })
			peer := packet.NewConn(near)
			peer.Compression = by
			said := bytes.Repeat([]byte("0123456789"), size/10)
			c := compress.New(a, true)
			done := make(chan error, 1)
			go func() { done <- answers(c, far, said) }()
			for range 3 {
				peer.ResetSequence()
				peer.CompressedSequence = 0
				if err := peer.WritePacket(append(make([]byte, 4), said...)); err != nil {
					t.Fatal(err)
				}
				peer.Sequence = peer.CompressedSequence // net_flush
				for i := range 3 {
					got, err := peer.ReadPacket()
					if err != nil || !bytes.Equal(got, said) {
						t.Fatalf("%s, %d bytes: packet %d of the answer has %d: %v", a, size, i, len(got), err)
					}
				}
			}
			_ = near.Close()
			if err := <-done; err != nil {
				t.Fatalf("%s, %d bytes: %v", a, size, err)
			}
		}
	}
}

// answers answers each command with itself, three times over.
func answers(c *compress.Codec, conn net.Conn, want []byte) error {
	var held, got []byte
	buf, dst := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil // it has gone
		}
		for held = append(held, buf[:n]...); c.More(held); {
			n, used, err := c.Decode(dst, held)
			if err != nil {
				return err
			}
			got, held = append(got, dst[:n]...), held[used:]
		}
		whole, last := wire.AppendPacket(nil, 0, want)
		if len(got) < len(whole) {
			continue
		}
		if !bytes.Equal(got, whole) {
			return errors.New("something else comes out")
		}
		got = got[:0]
		var out []byte
		for range 3 {
			out, last = wire.AppendPacket(out, last, want)
		}
		if _, err := conn.Write(c.Encode(nil, out)); err != nil {
			return err
		}
		c.Settled()
	}
}

package wire

import (
	"bytes"
	"reflect"
	"testing"
)

// checkDecoder holds what every decoder promises, whatever the input: no panic, nothing that aliases the input, and if
// it accepts the input, Append writes what decodes to the same message.
func checkDecoder[M any](t *testing.T, payload []byte, decode func(*M, []byte) error, appendTo func(*M, []byte) []byte) {
	t.Helper()
	input := bytes.Clone(payload)
	var m, kept M
	if decode(&m, input) != nil {
		return
	}
	if err := decode(&kept, bytes.Clone(payload)); err != nil {
		t.Fatalf("the same bytes decode once and then not: %v", err)
	}
	clear(input)
	if !reflect.DeepEqual(m, kept) {
		t.Fatalf("message aliases its input: %+v became %+v", kept, m)
	}
	dirty := bytes.Repeat([]byte{0xa5}, len(payload)+64)
	out := appendTo(&m, dirty[:1])
	if out[0] != 0xa5 {
		t.Fatal("Append writes in front of dst")
	}
	if clean := appendTo(&m, nil); !bytes.Equal(out[1:], clean) {
		t.Fatalf("Append lets bytes of dst through:\n%x\n%x", out[1:], clean)
	}
	var again M
	if err := decode(&again, out[1:]); err != nil {
		t.Fatalf("decode what Append wrote (%x): %v", out[1:], err)
	}
	if !reflect.DeepEqual(m, again) {
		t.Fatalf("decode, append, decode:\n%+v\n%+v", m, again)
	}
}

func FuzzHandshakeV10(f *testing.F) {
	for _, g := range greetings {
		f.Add(g.payload)
	}
	f.Add((&Err{Code: 1040, Message: "Too many connections"}).Append(nil))
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkDecoder(t, payload, (*HandshakeV10).Decode, (*HandshakeV10).Append)
	})
}

func FuzzHandshakeResponse41(f *testing.F) {
	for _, r := range responses {
		f.Add(r.payload)
	}
	for _, payload := range captured(f, "handshake_response_41.txt") {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkDecoder(t, payload, (*HandshakeResponse41).Decode, (*HandshakeResponse41).Append)
	})
}

func FuzzSSLRequest(f *testing.F) {
	f.Add((&SSLRequest{Capabilities: ClientSSL | ClientProtocol41, Charset: 45}).Append(nil))
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkDecoder(t, payload, (*SSLRequest).Decode, (*SSLRequest).Append)
	})
}

func FuzzAuthSwitchRequest(f *testing.F) {
	f.Add([]byte{0xfe})
	f.Add(NewAuthSwitchRequest(PluginNativePassword, []byte("12345678901234567890")).Append(nil))
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkDecoder(t, payload, (*AuthSwitchRequest).Decode, (*AuthSwitchRequest).Append)
	})
}

func FuzzAuthMoreData(f *testing.F) {
	f.Add([]byte{1, 4})
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkDecoder(t, payload, (*AuthMoreData).Decode, (*AuthMoreData).Append)
	})
}

func FuzzLocalInfileRequest(f *testing.F) {
	f.Add([]byte("\xfbdata.csv"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkDecoder(t, payload, (*LocalInfileRequest).Decode, (*LocalInfileRequest).Append)
	})
}

func FuzzOK(f *testing.F) {
	for _, o := range oks {
		f.Add(o.payload, uint32(o.caps))
	}
	f.Fuzz(func(t *testing.T, payload []byte, caps uint32) {
		checkDecoder(t, payload,
			func(m *OK, b []byte) error { return m.Decode(b, Capability(caps)) },
			func(m *OK, b []byte) []byte { return m.Append(b, Capability(caps)) })
	})
}

func FuzzEOF(f *testing.F) {
	f.Add([]byte{0xfe, 0, 0, 2, 0})
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkDecoder(t, payload, (*EOF).Decode, (*EOF).Append)
	})
}

func FuzzErr(f *testing.F) {
	f.Add([]byte("\xff\x15\x04#28000Access denied"))
	f.Add([]byte("\xff\x10\x04Too many connections"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkDecoder(t, payload, (*Err).Decode, (*Err).Append)
	})
}

func FuzzStmtPrepareOK(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0})
	f.Add([]byte{0, 1, 0, 0, 0, 1, 0, 2, 0})
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkDecoder(t, payload, (*StmtPrepareOK).Decode, (*StmtPrepareOK).Append)
	})
}

func FuzzColumnDefinition41(f *testing.F) {
	for _, ext := range []uint32{0, MariaDBClientExtendedMetadata} {
		m := ColumnDefinition41{Catalog: "def", Name: "a", Charset: 33, Type: TypeVarString, Trailer: []byte{0xfb}}
		f.Add(m.Append(nil, ext), ext)
	}
	f.Fuzz(func(t *testing.T, payload []byte, ext uint32) {
		checkDecoder(t, payload,
			func(m *ColumnDefinition41, b []byte) error { return m.Decode(b, ext) },
			func(m *ColumnDefinition41, b []byte) []byte { return m.Append(b, ext) })
	})
}

func FuzzChangeUser(f *testing.F) {
	for _, c := range changeUsers {
		f.Add(c.payload, uint32(c.caps))
	}
	f.Fuzz(func(t *testing.T, payload []byte, caps uint32) {
		checkDecoder(t, payload,
			func(m *ChangeUser, b []byte) error { return m.Decode(b, Capability(caps)) },
			func(m *ChangeUser, b []byte) []byte { return m.Append(b, Capability(caps)) })
	})
}

func FuzzLenenc(f *testing.F) {
	f.Add([]byte{0xfc, 1, 0})
	f.Add([]byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, n := LenencInt(b); n > 0 {
			if again, size := LenencInt(AppendLenencInt(nil, v)); again != v || size > n {
				t.Fatalf("LenencInt(%x) = %d in %d bytes; appended: %d in %d", b, v, n, again, size)
			}
		}
		if s, n := LenencString(b); n > len(b) || len(s) > n {
			t.Fatalf("LenencString(%x) = %d bytes of %d", b, len(s), n)
		}
	})
}

func FuzzReader(f *testing.F) {
	two, _ := AppendPacket(nil, 0, []byte("select 1"))
	two, _ = AppendPacket(two, 7, nil)
	f.Add(two)
	f.Add([]byte{0xff, 0xff, 0xff, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewReader(bytes.NewReader(stream), 1<<20)
		var out []byte
		for {
			payload, seq, err := r.Next()
			if err != nil {
				break
			}
			out, _ = AppendPacket(out, seq, payload) // seq is that of the last packet: the same for messages of one packet
		}
		if !bytes.HasPrefix(stream, out) {
			t.Fatalf("read %x as %x", stream, out)
		}
	})
}

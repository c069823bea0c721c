package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// fromHex decodes hex with spaces in it.
func fromHex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

var salt20 = []byte("01234567abcdefghijkl")

var greetings = []struct {
	name    string
	payload []byte
	want    HandshakeV10
}{
	{
		"StarRocks",
		fromHex(`0a 382e302e333300 0800 0001 3031323334353637 00 0c82 21 0000 3800 15 00000000000000000000
			6162636465666768696a6b6c 00 6d7973716c5f6e61746976655f70617373776f7264 00`),
		HandshakeV10{
			ServerVersion: "8.0.33", ConnectionID: 1<<24 | 8, AuthData: salt20, Capabilities: 0x38820c, Charset: 33,
			AuthPlugin: PluginNativePassword,
		},
	},
	{
		"MariaDB: extended capabilities in the filler",
		fromHex(`0a 31302e3131 00 0b000000 3031323334353637 00 fef7 2d 0200 ff81 15 000000000000 1d000000
			6162636465666768696a6b6c 00 6d7973716c5f6e61746976655f70617373776f7264 00`),
		HandshakeV10{
			ServerVersion: "10.11", ConnectionID: 11, AuthData: salt20, Capabilities: 0x81fff7fe, Charset: 45, Status: StatusAutocommit,
			ExtCapabilities: 0x1d, AuthPlugin: PluginNativePassword,
		},
	},
	{
		"MySQL 5.1: no plugin",
		fromHex(`0a 352e31 00 01000000 3031323334353637 00 0fa2 08 0200 0000 00 00000000000000000000 6162636465666768696a6b6c 00`),
		HandshakeV10{ServerVersion: "5.1", ConnectionID: 1, AuthData: salt20, Capabilities: 0xa20f, Charset: 8, Status: StatusAutocommit},
	},
}

func TestHandshakeV10(t *testing.T) {
	for _, tt := range greetings {
		t.Run(tt.name, func(t *testing.T) {
			var got HandshakeV10
			if err := got.Decode(tt.payload); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Decode:\n%+v, want\n%+v", got, tt.want)
			}
			if out := got.Append(nil); !bytes.Equal(out, tt.payload) {
				t.Errorf("Append:\n%x, want\n%x", out, tt.payload)
			}
		})
	}
}

func TestHandshakeV10_ErrInItsPlace(t *testing.T) {
	var m HandshakeV10
	err := m.Decode([]byte("\xff\x10\x04Too many connections"))
	refused, ok := errors.AsType[*Err](err)
	if !ok || refused.Code != 1040 || refused.Message != "Too many connections" || refused.State != "" {
		t.Fatalf("Decode = %#v", err)
	}
}

func TestHandshakeV10_Invalid(t *testing.T) {
	whole := greetings[0].payload
	for n := range len(whole) - len(PluginNativePassword) - 1 { // the plugin's name may be cut short
		var m HandshakeV10
		if err := m.Decode(whole[:n]); err == nil {
			t.Fatalf("Decode accepts the first %d bytes", n)
		}
	}
	old := bytes.Clone(whole)
	old[0] = 9
	if err := new(HandshakeV10).Decode(old); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("protocol 9: %v", err)
	}
}

// bug 2 (Vitess #4283): the reserved bytes of the greeting came from a recycled buffer.
func TestBug2_GreetingLeaksNothingOfTheBuffer(t *testing.T) {
	dirty := bytes.Repeat([]byte("SECRET"), 50)
	for _, tt := range greetings {
		if out := tt.want.Append(dirty[:0]); !bytes.Equal(out, tt.payload) {
			t.Errorf("%s: %x", tt.name, out)
		}
		for i := range dirty {
			dirty[i] = "SECRET"[i%6]
		}
	}
}

var responses = []struct {
	name    string
	payload []byte
	want    HandshakeResponse41
}{
	{
		"length-encoded auth response, database, plugin, attributes",
		fromHex(`8da2bf09 00000001 2d 0000000000000000000000000000000000000000000000 726f6f7400 14 3030303030303030303030303030303030303030
			7465737400 6d7973716c5f6e61746976655f70617373776f7264 00 0c 035f6f73 054c696e7578 0161`),
		HandshakeResponse41{
			Capabilities: 0x09bfa28d, MaxPacketSize: 1 << 24, Charset: 45, Username: "root", AuthResponse: bytes.Repeat([]byte("0"), 20),
			Database: "test", AuthPlugin: PluginNativePassword, Attributes: []byte("\x03_os\x05Linux\x01a"),
		},
	},
	{
		"one-byte length, no plugin, no attributes (MySQL 5.1)",
		fromHex(`85a60300 00000001 08 0000000000000000000000000000000000000000000000 61707000 03 010203`),
		HandshakeResponse41{Capabilities: 0x3a685, MaxPacketSize: 1 << 24, Charset: 8, Username: "app", AuthResponse: []byte{1, 2, 3}},
	},
	{
		"NUL-terminated auth response",
		fromHex(`0c020000 00000000 21 0000000000000000000000000000000000000000000000 00 6162 00 646200`),
		HandshakeResponse41{Capabilities: 0x20c, Charset: 33, AuthResponse: []byte("ab"), Database: "db"},
	},
	{
		"bytes after the last field",
		fromHex(`08820000 00000000 21 0000000000000000000000000000000000000000000000 7500 00 6400 deadbeef`),
		HandshakeResponse41{Capabilities: 0x8208, Charset: 33, Username: "u", Database: "d", Trailer: []byte{0xde, 0xad, 0xbe, 0xef}},
	},
	{
		"zstd level",
		fromHex(`00820004 00000000 21 0000000000000000000000000000000000000000000000 7500 00 03`),
		HandshakeResponse41{Capabilities: 0x04008200, Charset: 33, Username: "u", ZstdLevel: 3},
	},
}

func TestHandshakeResponse41(t *testing.T) {
	for _, tt := range responses {
		t.Run(tt.name, func(t *testing.T) {
			var got HandshakeResponse41
			if err := got.Decode(tt.payload); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Decode:\n%+v, want\n%+v", got, tt.want)
			}
			if out := got.Append(nil); !bytes.Equal(out, tt.payload) {
				t.Errorf("Append:\n%x, want\n%x", out, tt.payload)
			}
		})
	}
}

func TestHandshakeResponse41_ExtCapabilities(t *testing.T) {
	m := HandshakeResponse41{Capabilities: ClientProtocol41 | ClientSecureConnection, Username: "u"}
	m.SetExtCapabilities(MariaDBClientProgress | MariaDBClientStmtBulkOperations)
	var got HandshakeResponse41
	if err := got.Decode(m.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if ext := got.ExtCapabilities(); ext != 5 {
		t.Errorf("MariaDB client: %#x, want 0x5", ext)
	}
	got.Capabilities |= ClientLongPassword
	if ext := got.ExtCapabilities(); ext != 0 {
		t.Errorf("MySQL client: %#x, want 0", ext)
	}
}

// A client offered fewer capabilities than it asked for leaves out the fields that go with them.
func TestHandshakeResponse41_FewerCapabilities(t *testing.T) {
	var m HandshakeResponse41
	if err := m.Decode(responses[0].payload); err != nil {
		t.Fatal(err)
	}
	m.Capabilities &^= ClientConnectAttrs | ClientPluginAuth | ClientPluginAuthLenencClientData
	var got HandshakeResponse41
	if err := got.Decode(m.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if got.Username != "root" || got.Database != "test" || len(got.AuthResponse) != 20 || got.AuthPlugin != "" || got.Attributes != nil || got.Trailer != nil {
		t.Errorf("%+v", got)
	}
}

func TestHandshakeResponse320(t *testing.T) {
	err := new(HandshakeResponse41).Decode(fromHex("0124 000001 6f6c6400 47444353"))
	if !errors.Is(err, ErrHandshakeResponse320) {
		t.Errorf("Decode = %v, want ErrHandshakeResponse320", err)
	}
}

func TestSSLRequest(t *testing.T) {
	whole := responses[0].payload
	request := bytes.Clone(whole[:sslRequestLen])
	if IsSSLRequest(request) {
		t.Error("a response cut short, without CLIENT_SSL, is taken for an SSLRequest")
	}
	request[1] |= byte(ClientSSL >> 8)
	if !IsSSLRequest(request) || IsSSLRequest(append(bytes.Clone(request), 0)) || IsSSLRequest(nil) {
		t.Error("IsSSLRequest must hold for 32 bytes with CLIENT_SSL, and for nothing else")
	}
	var m SSLRequest
	if err := m.Decode(request); err != nil || m.Charset != 45 || !m.Capabilities.Has(ClientSSL) {
		t.Errorf("Decode = %+v, %v", m, err)
	}
	if out := m.Append(nil); !bytes.Equal(out, request) {
		t.Errorf("Append = %x, want %x", out, request)
	}
}

func TestAuthSwitchRequest(t *testing.T) {
	m := NewAuthSwitchRequest(PluginNativePassword, salt20)
	want := append(append([]byte("\xfemysql_native_password\x00"), salt20...), 0)
	if out := m.Append(nil); !bytes.Equal(out, want) {
		t.Errorf("Append = %x, want %x", out, want)
	}
	var got AuthSwitchRequest
	if err := got.Decode(want); err != nil || got.Plugin != PluginNativePassword || !bytes.Equal(got.Salt(), salt20) {
		t.Errorf("Decode = %+v, %v", got, err)
	}
	if err := got.Decode([]byte{0xfe}); err != nil || got.Plugin != "" || !bytes.Equal(got.Append(nil), []byte{0xfe}) {
		t.Errorf("OldAuthSwitchRequest: %+v, %v", got, err)
	}
}

var oks = []struct {
	name    string
	payload []byte
	caps    Capability
	want    OK
}{
	{"StarRocks", fromHex("00 00 00 0000 0000"), ClientProtocol41, OK{}},
	{
		"text", fromHex("00 fc2c01 05 0200 0100 6f6b"), ClientProtocol41,
		OK{AffectedRows: 300, LastInsertID: 5, Status: StatusAutocommit, Warnings: 1, Info: []byte("ok")},
	},
	{
		"session state", fromHex("00 00 00 0240 0000 00 04 05020131"), ClientProtocol41 | ClientSessionTrack,
		OK{Status: StatusAutocommit | StatusSessionStateChanged, SessionState: []byte{5, 2, 1, 0x31}},
	},
	{"session track, nothing said", fromHex("00 00 00 0200 0000"), ClientProtocol41 | ClientSessionTrack, OK{Status: StatusAutocommit}},
	{"in place of EOF", fromHex("fe 00 00 0a00 0000"), ClientProtocol41 | ClientDeprecateEOF, OK{Header: 0xfe, Status: StatusAutocommit | StatusMoreResults}},
}

func TestOK(t *testing.T) {
	for _, tt := range oks {
		t.Run(tt.name, func(t *testing.T) {
			var got OK
			if err := got.Decode(tt.payload, tt.caps); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Decode:\n%+v, want\n%+v", got, tt.want)
			}
			if out := got.Append(nil, tt.caps); !bytes.Equal(out, tt.payload) {
				t.Errorf("Append:\n%x, want\n%x", out, tt.payload)
			}
		})
	}
}

func TestEOF(t *testing.T) {
	var m EOF
	if err := m.Decode([]byte{0xfe, 1, 0, 8, 0}); err != nil || m.Warnings != 1 || m.Status != StatusMoreResults {
		t.Errorf("Decode = %+v, %v", m, err)
	}
	row := append(AppendLenencInt(nil, 1<<24), make([]byte, 64)...) // 0xfe, the length of a 16 MiB cell
	if IsEOF(row) || !IsEOF(m.Append(nil)) {
		t.Error("IsEOF must tell an EOF_Packet from a row that starts with 0xfe")
	}
}

func TestErr(t *testing.T) {
	for _, tt := range []struct {
		payload string
		want    Err
		text    string
	}{
		{"\xff\x15\x04#28000Access denied", Err{1045, "28000", "Access denied"}, "ERROR 1045 (28000): Access denied"},
		{"\xff\x10\x04Too many connections", Err{1040, "", "Too many connections"}, "ERROR 1040: Too many connections"},
		{"\xff\x28\x04#HY000", Err{1064, "HY000", ""}, "ERROR 1064 (HY000): "},
	} {
		var got Err
		if err := got.Decode([]byte(tt.payload)); err != nil || got != tt.want {
			t.Errorf("Decode(%q) = %+v, %v", tt.payload, got, err)
		}
		if out := got.Append(nil); string(out) != tt.payload {
			t.Errorf("Append = %q, want %q", out, tt.payload)
		}
		if got.Error() != tt.text {
			t.Errorf("Error = %q, want %q", got.Error(), tt.text)
		}
	}
	if out := (&Err{Code: 1, State: "08"}).Append(nil); string(out) != "\xff\x01\x00#08000" {
		t.Errorf("short state: %q", out)
	}
}

func TestStmtPrepareOK(t *testing.T) {
	m := StmtPrepareOK{StatementID: 7, NumColumns: 1, NumParams: 2, Warnings: 3}
	payload := fromHex("00 07000000 0100 0200 00 0300")
	if out := m.Append(nil); !bytes.Equal(out, payload) {
		t.Errorf("Append = %x", out)
	}
	var got StmtPrepareOK
	if err := got.Decode(append(payload, 0)); err != nil || got.MetadataFollows() || got.NumParams != 2 {
		t.Errorf("Decode = %+v, %v", got, err)
	}
	if !m.MetadataFollows() {
		t.Error("without the byte, metadata follows")
	}
}

var changeUsers = []struct {
	name    string
	payload []byte
	caps    Capability
	want    ChangeUser
}{
	{
		"MySQL 8", fromHex("11 6100 02 0102 646200 2d00 6d7973716c5f6e61746976655f70617373776f726400 05 0161020304"),
		ClientSecureConnection | ClientPluginAuth | ClientConnectAttrs | ClientPluginAuthLenencClientData,
		ChangeUser{Username: "a", AuthResponse: []byte{1, 2}, Database: "db", Charset: 45, AuthPlugin: PluginNativePassword, Attributes: []byte{1, 0x61, 2, 3, 4}},
	},
	{"MySQL 5.0", fromHex("11 6100 00 00"), ClientSecureConnection, ChangeUser{Username: "a", NoCharset: true}},
}

func TestChangeUser(t *testing.T) {
	for _, tt := range changeUsers {
		t.Run(tt.name, func(t *testing.T) {
			var got ChangeUser
			if err := got.Decode(tt.payload, tt.caps); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Decode:\n%+v, want\n%+v", got, tt.want)
			}
			if out := got.Append(nil, tt.caps); !bytes.Equal(out, tt.payload) {
				t.Errorf("Append:\n%x, want\n%x", out, tt.payload)
			}
		})
	}
}

func TestCommandString(t *testing.T) {
	for c, want := range map[Command]string{ComQuery: "COM_QUERY", ComResetConnection: "COM_RESET_CONNECTION", 0xfa: "COM_STMT_BULK_EXECUTE", 0x7f: "COM_0x7f"} {
		if got := c.String(); got != want {
			t.Errorf("Command(%d) = %s, want %s", c, got, want)
		}
	}
	for c := range Command(len(commandNames)) {
		if commandNames[c] == "" {
			t.Errorf("command %d has no name", c)
		}
	}
}

// bugs 1 and 3: what is decoded must not change when the buffer it came from is used again. The fuzz targets hold it for every message and
// every seed; here it is on its own for the one that a proxy keeps for the life of a session.
func TestBug1_DecodedMessagesDoNotAliasTheirInput(t *testing.T) {
	for _, tt := range responses {
		buf := bytes.Clone(tt.payload)
		var got HandshakeResponse41
		if err := got.Decode(buf); err != nil {
			t.Fatal(err)
		}
		clear(buf)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

package wire

// MaxPayload is the longest payload one packet can carry (MAX_PACKET_LENGTH); a longer message continues in further packets and ends
// with the first packet that is not full, an empty one if need be.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html
const MaxPayload = 1<<24 - 1

// HeaderLen is the number of bytes in front of each payload: 3 bytes payload length, 1 byte sequence id.
const HeaderLen = 4

// AppendHeader appends the header of a packet with n bytes of payload. It panics if n is negative or above [MaxPayload].
func AppendHeader(dst []byte, n int, seq uint8) []byte {
	if n < 0 || n > MaxPayload {
		panic("wire: payload length out of range")
	}
	return append(dst, byte(n), byte(n>>8), byte(n>>16), seq)
}

// PutHeader writes the header of a packet with n bytes of payload to the start of h: to where room was left for it before the payload was
// appended. It panics if n is negative or above [MaxPayload], or h is shorter than [HeaderLen].
func PutHeader(h []byte, n int, seq uint8) { AppendHeader(h[:0:HeaderLen], n, seq) }

// DecodeHeader reads a packet header. It panics if h is shorter than [HeaderLen].
func DecodeHeader(h []byte) (n int, seq uint8) {
	_ = h[HeaderLen-1]
	return int(h[0]) | int(h[1])<<8 | int(h[2])<<16, h[3]
}

// AppendPacket appends payload as one packet, or as several if it is [MaxPayload] or longer. next is the sequence id
// that follows.
func AppendPacket(dst []byte, seq uint8, payload []byte) (out []byte, next uint8) {
	for {
		n := min(len(payload), MaxPayload)
		dst = append(AppendHeader(dst, n, seq), payload[:n]...)
		payload = payload[n:]
		seq++
		if n < MaxPayload {
			return dst, seq
		}
	}
}

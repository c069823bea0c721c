// Package compress is the compressed protocol of MySQL's, MariaDB's and TiDB's command phase, by zlib and by zstd: bytes in, bytes out. It has no I/O, no clock and no
// goroutine.
//
// # What is on the wire
//
// Packets of the command phase, headers and all, are a stream, which is cut anywhere into compressed packets: 3 bytes of length, a sequence id, 3 bytes of what the
// length is when it has been uncompressed, or 0 for content that is stored as it is, and the content, each a zlib stream or a zstd frame of its own. See
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_compression.html.
//
// # Sequence ids
//
// There are two of them. What servers and libraries do with them is not in that manual, but in net_serv.cc of MySQL and MariaDB, and in packetio.go of TiDB:
//
//   - A command begins with compressed packet 0. Its answer goes on from the last compressed packet of it, and so does, within an exchange, whoever speaks next.
//   - Whenever one side flushes, and the other is to speak, both set the sequence id of packets to that of compressed packets. Behind a command that took three of those
//     the answer's first packet has sequence id 3, where it would have 1, or 2, uncompressed.
//
// A [Codec] gives its user packets as they are uncompressed, and takes them so: it renumbers both. Where answers begin it knows by the commands, and by [Codec.Settled].
package compress

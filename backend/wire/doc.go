// Package wire reads and writes the packets of the MySQL client/server protocol.
//
// Each message of the manual is one type in one file of the same name, with the manual's field names. Decode takes the payload of a
// whole message (what follows the packet headers), checks every length before it reads, and copies what it keeps: a decoded message never aliases
// its input. Append writes a payload to the end of a slice; [AppendPacket] puts the headers in front, [Reader] takes them off.
// A message that depends on what client and server agreed on takes the capabilities as a parameter.
//
// The package is pure: it knows no socket, no clock, no goroutine, and nothing beyond the standard library.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html
package wire

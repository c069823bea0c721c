// Package dial connects to a server whose name has several addresses, of which some may lead nowhere: RFC 8305, Happy Eyeballs. [Race] decides, without I/O
// and without a clock, which address is dialed when. [Dialer] does it and blocks; proxy drives a Race from its event loop. What worked last is remembered in a
// [Memory] and comes first the next time; names are looked up for every connection, so that an address that has left its name is not dialed any more.
package dial

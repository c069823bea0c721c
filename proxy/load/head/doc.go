// Package head reads the heads of HTTP/1.x messages, and the chunks of their bodies, as strictly as RFC 9112 lets a proxy: what two programs could read in two ways is refused, for
// whoever can make Segue and an FE disagree about where a request ends has one of his own read as somebody else's. It has no socket and no clock.
//
// A line of a head is kept as it was written, and so forwarded: separators of columns are values that consist of whitespace and control characters.
package head

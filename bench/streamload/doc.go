// Package streamload is a client of Stream Load that hides nothing: one connection for each step, no try of its own beyond what the protocol asks for, and every end told by
// where it came. It behaves as curl does with --location-trusted: asks with `Expect: 100-continue`, follows a 307 to the BE that it names, and sends its body to whoever says
// nothing for a second.
package streamload

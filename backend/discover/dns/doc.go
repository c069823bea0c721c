// Package dns finds backends by a name: all of its addresses, or the targets of its SRV records.
//
// It speaks DNS itself, because the standard library tells no TTL and asks one name server at a time: every name server is asked, by UDP, and by TCP where an answer
// does not fit, and what any of them knows counts. A name is asked for again when its TTL is over. A search list is followed as resolv.conf(5) has it.
//
// What decides, [Ask], [Read] and [ParseResolvConf], is pure.
package dns

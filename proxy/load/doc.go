// Package load serves Stream Load over HTTP: one address for all FEs, behind which a load finds an FE and a BE or CN that takes it, whichever node goes.
//
// A load takes two steps. The FE step carries no body: any FE (the leader, where it must be) names by a redirect the BE or CN that is to take the load. Segue follows the redirect
// itself, and only when that one has said `100 Continue` does it say so to its client. From there on bytes stream, and the answer streams back.
//
// What may be tried again, what is asked, and what the client is told is decided purely: [segue/proxy/load/route] says what a request is and needs,
// [segue/proxy/load/outcome] what an answer means and what is to be done after a loss. A load whose last byte has not been sent cannot have been
// committed; of one whose last byte may have been, the outcome is asked by its label.
package load

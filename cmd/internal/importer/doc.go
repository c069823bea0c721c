// Package importer reads the settings of what stood before the servers until now and makes the equivalent configuration of
// Segue of them, with a remark for everything that has none.
//
// It is pure: bytes in, a [Plan] out, and no file that a file names is opened. Each kind has a file of its own. A grammar that a
// kept library reads with line numbers is read by it (nginx, by F5's own crossplane); HAProxy's library loses the
// lines, which remarks name, and libconfig (ProxySQL) and Connector/J's URLs have none in Go.
//
// What is not understood is remarked, never guessed at. No remark and no error holds the value of a setting that may be a secret: they
// name keywords, places, names and addresses of servers. Passwords stand in the configuration alone.
package importer

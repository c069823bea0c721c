// Package draft writes the first configuration for a cluster: it asks one server what it is and who else there is ([Ask]), and makes of that a file with comments
// ([File.Text]). What it could not find out is said in the file, with what to do about it.
//
// Asking is at the edge; writing is pure.
package draft

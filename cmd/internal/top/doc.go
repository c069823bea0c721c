// Package top is `segue top`: a running Segue, live in a terminal.
//
// Model is what is shown and what has been typed; Key and the answers of the
// admin API change it, View makes lines of it. Neither has a clock, a socket or
// a terminal. Run is the edge: it has the terminal, one goroutine that reads
// keys and one that asks the admin API, and gives the terminal back however it
// ends.
package top

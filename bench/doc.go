// Package bench is what every load stands on: a client that hides no error
// ([Client]), the kinds of errors that it may see ([Classify]), a histogram, and a
// watch on how long the machine itself stalls.
//
// database/sql is not used: its retries on driver.ErrBadConn would hide errors. A
// client is one raw driver connection, and nothing is retried.
package bench

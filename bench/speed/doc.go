// Command speed measures what a statement costs on its way through Segue, side by side with HAProxy and with no proxy.
//
// The servers answer from memory (server.go), the load is one thread of system calls (client.go), so that what is measured is what stands between.
// All fronts run at the same time and are measured in turn, in rounds of a second; each round's figures are divided by HAProxy's of that round, and the
// tables show the median, the least and the greatest of these ratios. No round is dropped. The steady figure is the processor time of the front's
// process per statement, user and system, by its CPU clock; rates and response times tell as much of the machine, on whose cores load and servers run too.
//
// run.sh gives it a network namespace of its own, with CUBIC: the pacing of BBR, some hosts' default, doubles what bulk costs on the loopback interface.
package main

package demo

import (
	"context"
	"fmt"
	"net"
	"time"

	"segue/backend"
	"segue/bench/measure"
	"segue/bench/typeset"
)

// intro says what is about to happen, and what it is not.
func (d *demo) intro() {
	all := 0
	for _, n := range d.Load.Clients {
		all += n
	}
	fmt.Fprintf(d.Out, `Three simulated StarRocks FEs are restarted gracefully, one after the other,
while %d clients work on them: %d hold a session with state, %d connect for
each statement, %d run slow statements, %d write rows that are counted later.
First through a stand-in for a cloud load balancer, then through Segue. FEs and
load balancer live %v times faster than real ones; Segue and clients do not.

`, all, d.Load.Clients[measure.Long], d.Load.Clients[measure.Short], d.Load.Clients[measure.Slow], d.Load.Clients[measure.Write], d.Speed)
}

// notes say in the report how the runs were made.
func (d *demo) notes() []string {
	here := func(real time.Duration) string { return typeset.Wait(scaled(real, d.Speed)) }
	return []string{
		"The FEs are simulated after StarRocks' source code (graceful exit by SIGUSR1 as in its main branch). From the signal on, /api/health answers 500, the MySQL port stays open and serves, and a session is closed after its next statement. The process exits when it has no session, after 15 s at the earliest; after 60 s it exits whatever still runs.",
		fmt.Sprintf("Everything an FE or the load balancer waits for is divided by %v, so that the story fits a minute: an FE's drain of 15 to 60 s takes %s to %s. Nothing else is: Segue runs with its defaults, so next to these FEs it is %v times slower than next to real ones; statements and clients take their real time, and so does the second that a session must have been idle for a leaving FE to close it.",
			d.Speed, here(15*time.Second), here(60*time.Second), d.Speed),
		fmt.Sprintf("The cloud load balancer is a plain TCP one, round robin: a TCP health check every 5 s (here %s), out after 3 failures, back in after 3 successes. It resets nothing by itself. A check of /api/health by HTTP, where a provider has it, would notice a leaving FE earlier; that was not run.", here(5*time.Second)),
		fmt.Sprintf("Both runs follow the same plan, that of a careful operator: an FE is told to leave, exits, stays down for %s, is started, and the next one leaves %s later, when the load balancer has taken it back in (times at real speed; the leader last).", typeset.Wait(restartDown), typeset.Wait(restartSettle)),
		fmt.Sprintf("At real speed and with the same load, connects would fail %v times as often: they fail for as long as an FE that is gone is in rotation. A session is cut once per restart, whatever the speed.", d.Speed),
		"Servers, proxy and clients share one process and its CPU: the rates are no measure of Segue's throughput.",
	}
}

// keep leaves everything up until ctx is done, and says what one can do.
func (d *demo) keep(ctx context.Context, addr, admin string, specs []backend.Spec) {
	host, port := splitHostPort(addr)
	fmt.Fprintf(d.Out, "\nStill up until Ctrl-C:\n  through Segue   mysql -h %s -P %s -u root\n", host, port)
	for _, s := range specs {
		host, port := splitHostPort(s.Address)
		fmt.Fprintf(d.Out, "  %-14s  mysql -h %s -P %s -u root\n", s.Name+" directly", host, port)
	}
	fmt.Fprintf(d.Out, "  admin page      http://%s/\n", admin)
	fmt.Fprintf(d.Out, "  try             segue backends --admin %s\n                  segue drain %s --admin %s\n", admin, specs[0].Name, admin)
	<-ctx.Done()
	fmt.Fprintln(d.Out)
}

func splitHostPort(addr string) (host, port string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr, ""
	}
	return host, port
}

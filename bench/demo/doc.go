// Package demo shows the main job: a rolling restart of three simulated FEs under
// load, first behind a stand-in for a cloud load balancer, then behind Segue.
//
//	measure.Run (clients) ─ one address ─▶ Balancer, or Segue ─▶ three FEs
//	   ▲ marks: what happens to the FEs, and what the balancer makes of it
//
// measure has the load and the rule for counting, report the tables and the page;
// here are the FEs, the balancer ([Balancer]) and the plan of the restart.
//
// It gives no throughput figures worth comparing: servers, proxy and clients share
// one process. It shows the order of events that an FE's source code prescribes,
// not the speed of a real one.
package demo

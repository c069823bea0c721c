// Package admin is the admin API: the HTTP handler that a running Segue
// answers with, its Go client that the command line uses, and the status page.
//
//	GET  /                                 the status page
//	GET  /livez                            200 as long as the process answers
//	GET  /readyz                           200 or 503, see below
//	GET  /metrics                          Prometheus
//	GET  /api/v1/openapi.yaml              all of this as OpenAPI 3.1 has it: openapi.yaml
//	GET  /api/v1/status                    Status
//	GET  /api/v1/backends                  []Backend, in the order of the configuration
//	GET  /api/v1/sessions                  []proxy.SessionInfo, by id
//	GET  /api/v1/sessions/find             Found: sessions that ?text=, ?backend=, ?state=, ?pinned= (a reason, or any) want, in ?order= id, since, pinned
//	                                       or moves, ?limit= of them, and how many there are by state and by what pins them
//	GET  /api/v1/history                   History of the last ?for= (1h; 8h at most), in ?points= samples of each backend at most
//	GET  /api/v1/failures                  ledger.Failures, since the start
//	POST /api/v1/backends/{name}/{admin}   ready, drain or maint; answers the Backend. The last one that is usable is taken
//	                                       out with ?force=true alone, otherwise the answer is 409
//	POST /api/v1/pause?for=5m              hold all statements, for so long at most, and for proxy.MaxPause; answers the Status
//	POST /api/v1/resume                    let them go on, if they are held; answers the Status
//	POST /api/v1/reload                    read the configuration again; answers the Reload
//	GET  /api/v1/changes                   []Change, what operators have changed, the latest first
//	GET  /api/v1/events                    changes of backends as server-sent events, see Event; with ?ticks=true a Tick every second, too, as an
//	                                       event of the type tick
//
// Errors of the API are JSON: {"error": "text"}.
//
// Ready means: at least one backend was usable once since the start, and Segue
// is neither stopping nor draining. It does not go back to unready when backends fail later:
// all applications of a cluster would leave their load balancers together, and
// an error of the database is better answered by Segue than by nobody. Live
// never depends on backends: restarting Segue does not mend them.
//
// Who may read, and who may change something, config.Access says: anyone who can
// connect, or who shows a token (Authorization: Bearer …). Without a token
// nothing is changed by an address beyond loopback, unless the configuration
// says so in so many words. /livez and /readyz are everybody's. What a browser
// could be tricked into is refused: requests that change
// something from another site, and requests under a foreign host name (DNS
// rebinding): other than an IP address, localhost and the names of SetAccess. Beyond
// loopback, /livez, /readyz and /metrics answer under any name.
//
// After a takeover the Segue that has been taken over from answers its successor
// on a socket of its own. The successor asks it whatever it is asked, tells it
// whatever it is told, and answers for both: sessions, counts and series of
// metrics of the other have its process id. History has what both count together.
//
// On that socket alone it answers what it has counted, and for KILLs that the successor has been told:
//
//	GET  /api/v1/counted                       history.Counted, as at its last look
//	GET  /api/v1/victims/{id}                  []proxy.Victim, those that a KILL of this id may be meant for
//	POST /api/v1/victims/{id}/aim/{what}       a KILL connection, or query, is about to be sent; answers the proxy.Victim, where it stands
//	POST /api/v1/victims/{id}/{outcome}/{what} what has come of that: done, refused or lost
//
// Parameters are in the query. A body is refused.
package admin

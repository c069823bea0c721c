// Package admin is the admin API: the HTTP handler that a running Segue
// answers with, its Go client that the command line uses, and the status page.
//
//	GET  /                                 the status page
//	GET  /livez                            200 as long as the process answers
//	GET  /readyz                           200 or 503, see below
//	GET  /metrics                          Prometheus
//	GET  /api/v1/status                    Status
//	GET  /api/v1/backends                  []Backend, in the order of the configuration
//	GET  /api/v1/sessions                  []proxy.SessionInfo, by id
//	GET  /api/v1/failures                  proxy.Failures, since the start
//	POST /api/v1/backends/{name}/{admin}   ready, drain or maint; answers the Backend
//	POST /api/v1/pause?for=5m              hold all statements, for so long at most; answers the Status
//	POST /api/v1/resume                    let them go on; answers the Status
//	GET  /api/v1/events                    changes of backends as server-sent events, see Event
//
// Errors of the API are JSON: {"error": "text"}.
//
// Ready means: at least one backend was usable once since the start, and Segue
// is not draining. It does not go back to unready when backends fail later:
// all applications of a cluster would leave their load balancers together, and
// an error of the database is better answered by Segue than by nobody. Live
// never depends on backends: restarting Segue does not mend them.
//
// There is no authentication. The API belongs on loopback or inside a pod;
// what a browser could be tricked into is refused: requests that change
// something from another site, and, on loopback, requests under a foreign host
// name (DNS rebinding).
package admin

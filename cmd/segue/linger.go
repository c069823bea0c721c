package main

import (
	"context"
	"slices"
	"time"

	"segue/config"
	proxy "segue/proxy"
	"segue/proxy/load"
)

// A container is told to stop together with the application beside it, or before it: as long as that has work to end, it needs its database, and may well connect
// once more. So Segue goes on as before for a while if it is configured to (shutdown.*), and only then takes no more clients.

// vacancyToCount is how long no client must have been connected for them to have left: one that connects for each of its statements is away for moments.
const vacancyToCount = time.Second

// lingering tells whether a Segue that was asked to stop a while ago still goes on as before, how long for at least if no client comes or leaves, and
// what it waits for. vacant is for how long no client has been connected; negative: one is.
func lingering(s config.Shutdown, asked, vacant time.Duration) (wait time.Duration, cause string) {
	if asked < s.Delay {
		return s.Delay - asked, "shutdown.delay"
	}
	rest := s.WaitClients - asked
	switch {
	case rest <= 0 || vacant >= vacancyToCount:
		return 0, ""
	case vacant >= 0:
		rest = min(rest, vacancyToCount-vacant)
	}
	return rest, "clients are connected (shutdown.wait_clients)"
}

// linger returns when Segue is to take no more clients: it has been asked to stop, and as much time has passed as it then goes on for; it is to stop now; or serving
// is done for another reason.
func (a *app) linger(asked, serving context.Context) {
	select {
	case <-asked.Done():
	case <-serving.Done():
		return
	}
	since, last, loaded := time.Now(), a.config.current(), time.Time{}
	for said := ""; ; {
		c, reloaded := a.config.watch()
		if c.Shutdown != last.Shutdown || c.Proxy.DrainTimeout != last.Proxy.DrainTimeout {
			last, said = c, ""
		}
		shutdown, v := c.Shutdown, a.server.Vacancy()
		vacant := vacantFor(v)
		if a.loading() {
			loaded = time.Now()
		}
		if since := time.Since(loaded); since < vacancyToCount { // nobody tells when the last of them has ended
			vacant = min(vacant, since)
		}
		wait, cause := lingering(shutdown, time.Since(since), vacant)
		if wait <= 0 {
			return
		}
		if said == "" {
			a.admin.Stop()
			a.systemd.stopping("stopping, and taking clients", shutdown.Longest()+c.Proxy.DrainTimeout+stopMargin)
		}
		if said != cause {
			said = cause
			a.log.Info("asked to stop; going on as before", "cause", cause, "sessions", v.Clients, "timeout", shutdown.Longest())
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-v.Changed:
		case <-reloaded:
		case <-a.hurried:
		case <-serving.Done():
		}
		timer.Stop()
		if serving.Err() != nil || isClosed(a.hurried) {
			return
		}
	}
}

// loading reports whether a load is under way. A transaction between two requests is none: its client may have gone.
func (a *app) loading() bool {
	return slices.ContainsFunc(a.loads.Loads(), func(l load.Load) bool { return l.State != openLoad })
}

// openLoad is the state of a transaction between two requests.
const openLoad = "open"

// vacantFor is for how long no client has been connected; negative: one is.
func vacantFor(v proxy.Vacancy) time.Duration {
	if v.Clients > 0 {
		return -1
	}
	return time.Since(v.Since)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"segue/backend"
	"segue/backend/wire"
	"segue/cmd/internal/admin"
	proxy "segue/proxy"
	"segue/proxy/track"
)

// warning is the verdict on what works, and will cost somebody something at an upgrade.
const warning = "warning"

// unknown is the verdict on what could not be seen.
const unknown = "unknown"

// What is checked of the backends together, of the machine, and of a Segue that runs.
const (
	checkBackends     = "backends"
	checkVersions     = "versions"
	checkCapabilities = "capabilities"
	checkDescriptors  = "descriptors"
	checkSessions     = "sessions"
)

// described is a backend that has greeted.
type described struct {
	name, address string
	facts         backend.Facts
}

// greeted are those of list that have.
func greeted(list []*backend.Backend) []described {
	var all []described
	for _, b := range list {
		if f := b.Facts(); f.Known {
			all = append(all, described{b.Name(), b.Address(), f})
		}
	}
	return all
}

// compareVersions says that servers of several releases stand beside each other.
func compareVersions(all []described) []finding {
	if len(all) < 2 {
		return nil
	}
	by := map[string][]string{}
	for _, d := range all {
		by[d.facts.ServerVersion] = append(by[d.facts.ServerVersion], d.name)
	}
	var said []string
	for _, version := range slices.Sorted(maps.Keys(by)) {
		said = append(said, wire.Shown(version, wire.MaxShown)+" ("+strings.Join(by[version], ", ")+")")
	}
	if len(by) == 1 {
		return []finding{{Check: checkVersions, Verdict: passed, Cause: "all greet as " + said[0]}}
	}
	return []finding{{
		Check: checkVersions, Verdict: warning,
		Cause: "the backends are of several releases: " + strings.Join(said, "; ") + "; a session that uses what another release does not have stays where it is until drain.timeout",
		Next:  "segue rollout plan   # or finish the upgrade by hand",
	}}
}

// compareCapabilities says of each backend what it lacks that another one offers: clients are offered what all of them have.
func compareCapabilities(all []described) (found []finding) {
	var caps wire.Capability
	var ext uint32
	for _, d := range all {
		caps |= wire.Capability(d.facts.Capabilities)
		ext |= d.facts.ExtCapabilities
	}
	for _, d := range all {
		lacks := wire.CapabilityNames(caps&^wire.Capability(d.facts.Capabilities), ext&^d.facts.ExtCapabilities)
		if len(lacks) == 0 {
			continue
		}
		found = append(found, finding{
			Backend: d.name, Address: d.address, Check: checkCapabilities, Verdict: warning,
			Cause: "lacks " + strings.Join(lacks, ", ") + ", which other backends offer: no client is offered it, and who has been keeps off this backend",
			Next:  lackOf(lacks, d.address),
		})
	}
	return found
}

// lackOf is what shows why a server does not offer something.
func lackOf(lacks []string, address string) string {
	of := "version%"
	if slices.Contains(lacks, "CLIENT_SSL") {
		of = "%ssl%"
	}
	return fmt.Sprintf("mysql %s -u USER -p -e \"SHOW VARIABLES LIKE '%s'\"", clientFlags(address), of)
}

// judgeNumber says that there is nowhere to go to.
func judgeNumber(backends int, hold time.Duration) []finding {
	if backends != 1 {
		return nil
	}
	return []finding{{
		Check: checkBackends, Verdict: warning,
		Cause: fmt.Sprintf("there is one backend: while it is restarted statements wait, for hold.timeout (%s) each at most, and what its sessions hold is lost", hold),
		Next:  "segue serve HOST:PORT,HOST:PORT,…   # name the others, or a listing of them by `discover`",
	}}
}

// judgeDescriptors says whether as many sessions as are asked for can be had from here.
func judgeDescriptors(asked int) []finding {
	most, descriptors := proxy.MostSessions()
	f := finding{Check: checkDescriptors, Verdict: passed, Cause: fmt.Sprintf("%d file descriptors are enough for %d sessions", descriptors, most)}
	if asked > most || most < fewSessions {
		f.Verdict = warning
		if asked == 0 {
			f.Cause += ", which pools of a few applications use up"
		} else {
			f.Cause += fmt.Sprintf("; limits.sessions asks for %d", asked)
		}
		f.Next = "ulimit -Hn; systemctl show segue -p LimitNOFILE   # raise it where Segue is started"
	}
	return []finding{f}
}

// fewSessions is what a machine should be good for.
const fewSessions = 1000

// judgeSessions says which sessions of a running Segue would not outlive the stop of their backend as things are, by what holds them.
func judgeSessions(list []admin.Session, at string) []finding {
	held := map[string]int{}
	for _, s := range list {
		if s.Pinned != "" {
			held[s.Pinned]++
		} else if len(s.Differs) > 0 {
			held[differs]++
		}
	}
	free := len(list)
	var found []finding
	for _, reason := range slices.SortedFunc(maps.Keys(held), func(a, b string) int { return cmp.Or(held[b]-held[a], strings.Compare(a, b)) }) {
		free -= held[reason]
		found = append(found, finding{
			Check: checkSessions, Verdict: warning, Cause: fmt.Sprintf("%d of %d: %s: %s", held[reason], len(list), reason, explained(reason)),
			Next: "segue sessions --admin " + shellWord(at) + " | grep " + shellWord(reason),
		})
	}
	if len(found) == 0 {
		found = append(found, finding{Check: checkSessions, Verdict: passed, Cause: fmt.Sprintf("all %d at %s can move now", len(list), at)})
	}
	return found
}

// differs stands for the sessions that were not the same when they had been rebuilt elsewhere.
const differs = "differs"

// explained is what a reason means for the session, and what ends it.
func explained(reason string) string {
	switch reason {
	case differs:
		return "rebuilt on another backend it was not the same; it stays until drain.timeout. Compare the global variables of the backends"
	case proxy.PinNoCredential:
		return "Segue cannot log in for it, and ends it between two statements. List its account under `users`"
	case proxy.PinExpired:
		return "the token of its client has expired, and Segue cannot log in with it"
	}
	w := track.Explain(reason)
	if w.Is == "" {
		return "it stays until that ends, or drain.timeout"
	}
	return w.Is + ", and it stays until drain.timeout unless this ends. What ends it: " + w.Ends
}

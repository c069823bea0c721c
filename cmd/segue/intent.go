package main

import (
	"segue/cmd/internal/admin"
)

// restore has what operators said before a restart hold again, and what they say from now on kept in that file.
func (a *app) restore(path string) {
	if path == "" {
		return
	}
	in, err := readKept(path)
	if err != nil {
		a.log.Error("what operators said before the start is not known: all backends are ready", "file", path, "cause", innermost(err))
	} else {
		a.hold(in, path)
	}
	a.keeper = newKeeper(path, a.admin.Intent, a.log)
}

// inherit takes what a Segue that has been taken over from leaves.
func (a *app) inherit(l legacy) {
	a.hold(l.Intent, "the Segue that was taken over from")
	a.server.ContinueIDs(l.LastID)
	a.loads.Inherit(l.Loads)
	if l.Ready {
		a.admin.StayReady()
	}
	a.admin.Adopt(l.Others)
	a.keeper.said()
}

// hold has what operators said hold again, and says so.
func (a *app) hold(in admin.Intent, from string) {
	for _, name := range a.admin.Restore(in) {
		if a.config.current().Discover.Active() {
			a.registry.Expect(name, in.Backends[name])
			a.log.Info("an operator's word waits for a backend that has not been found yet", "backend", name, "state", in.Backends[name].String(), "from", from)
			continue
		}
		a.log.Warn("an operator's word is for a backend that the configuration does not have", "backend", name, "state", in.Backends[name].String(), "from", from)
	}
	for _, b := range a.registry.Backends() {
		if to, said := in.Backends[b.Name()]; said {
			a.log.Info("an operator's word still holds", "backend", b.Name(), "state", to.String(), "from", from)
		}
	}
}

// otherEnded says that a Segue that has been taken over from has ended, and takes away what it may have left of its socket.
func (a *app) otherEnded(o admin.Other) {
	a.log.Info("the Segue that was taken over from has ended", "pid", o.PID)
	(&socketFile{path: o.Socket}).remove()
}

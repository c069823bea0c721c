package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"segue/backend"
	"segue/config"
	"segue/proxy/load"
	"segue/proxy/load/route"
)

// checkLoads is what is said of loads over HTTP.
const checkLoads = "loads"

// mostDials is how many BEs and CNs are dialed at a time.
const mostDials = 32

// examineLoads says where loads could not go, if any are to be served: no account may ask who there is, or who there is cannot be reached from here.
func examineLoads(ctx context.Context, r *backend.Registry, c *config.Config) []finding {
	if len(c.Loads.Listen) == 0 {
		return nil
	}
	var known []load.Node
	var found []finding
	accounts := askers(c)
	if len(accounts) > 0 {
		list, who, err := askNodes(ctx, r, c, accounts)
		known = list
		switch {
		case err == nil:
			found = append(found, finding{Check: checkLoads, Verdict: passed, Cause: fmt.Sprintf("%s may ask which BEs and CNs there are: %d", who, len(list))})
		case len(c.Loads.Nodes) == 0:
			found = append(found, finding{Check: checkLoads, Verdict: warning, Cause: "the cluster does not say which BEs and CNs it has, so that loads are sent to nobody: " + oneLine(err), Next: grantOperate(accounts[0].user)})
		default:
			found = append(found, finding{Check: checkLoads, Verdict: warning, Cause: "the cluster does not say which BEs and CNs it has, so that loads go to load.nodes alone: " + oneLine(err), Next: grantOperate(accounts[0].user)})
		}
	} else if len(c.Loads.Nodes) == 0 {
		found = append(found, finding{Check: checkLoads, Verdict: warning, Cause: "no account may ask which BEs and CNs there are, so that loads are sent to nobody", Next: "segue config | grep -e discover.user -e load.nodes   # set one of them"})
	}
	return append(found, dialNodes(ctx, c, namesOf(c, known))...)
}

// grantOperate is what lets an account ask.
func grantOperate(user string) string {
	return fmt.Sprintf("GRANT OPERATE ON SYSTEM TO USER '%s';   # on StarRocks; on Doris: GRANT NODE_PRIV ON *.*.* TO '%s'", user, user)
}

// oneLine is an error in one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// namesOf are the BEs and CNs that loads may go to, as they are called, and alive.
func namesOf(c *config.Config, known []load.Node) (names []string) {
	for i := range known {
		if known[i].Alive {
			names = append(names, nodeAddress(&known[i]))
		}
	}
	for _, name := range c.Loads.Nodes {
		if _, _, err := net.SplitHostPort(name); err == nil && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// dialNodes says of each that cannot be reached what to do.
func dialNodes(ctx context.Context, c *config.Config, names []string) (found []finding) {
	if len(names) == 0 {
		return nil
	}
	errs := make([]error, len(names))
	places := make([]string, len(names))
	turns := make(chan struct{}, mostDials)
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			places[i] = placeOf(c, name)
			ctx, cancel := context.WithTimeout(ctx, c.Proxy.ConnectTimeout)
			defer cancel()
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", places[i])
			if errs[i] = err; err == nil {
				_ = conn.Close()
			}
		})
	}
	all.Wait()
	reached := 0
	for i, name := range names {
		if errs[i] == nil {
			reached++
			continue
		}
		f := finding{Check: checkLoads, Verdict: warning, Cause: fmt.Sprintf("%s cannot be reached from here: %s; loads that an FE sends there are sent to another node", calledAndPlaced(name, places[i]), causeOfDial(errs[i]))}
		f.Next = fmt.Sprintf("nc -vz %s   # if it has another address here, say so: load.addresses: {%q: \"HOST:PORT\"}", strings.Join(hostAndPortOf(places[i]), " "), name)
		found = append(found, f)
	}
	cause := fmt.Sprintf("%d of %d BEs and CNs can be reached from here", reached, len(names))
	if reached == 0 {
		return append([]finding{{Check: checkLoads, Verdict: warning, Cause: cause + ": no load could be sent to any", Next: "segue config   # load.addresses says where they are reached"}}, found...)
	}
	return append([]finding{{Check: checkLoads, Verdict: passed, Cause: cause}}, found...)
}

// placeOf is where a BE or CN is reached, by what it is called.
func placeOf(c *config.Config, name string) string {
	at, err := route.Known{Nodes: []string{name}, Addresses: c.Loads.Addresses}.Reach(name)
	if err != nil || at.Address == "" {
		return name
	}
	return at.Address
}

func calledAndPlaced(name, place string) string {
	if name == place {
		return name
	}
	return name + " (here " + place + ")"
}

func hostAndPortOf(address string) []string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return []string{address}
	}
	return []string{host, port}
}

func causeOfDial(err error) string {
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return "no answer in time"
	}
	return innermost(err).Error()
}

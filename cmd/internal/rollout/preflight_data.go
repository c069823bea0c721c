package rollout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"segue/backend"
)

// replicas: no tablet lacks a healthy replica, and none is on its way.
func (c *checks) replicas() {
	if !c.remains(Backend) {
		return
	}
	t := c.Tablets
	if t == nil {
		t = &Tablets{}
		for _, x := range []Check{CheckReplicas, CheckBalance} {
			if _, said := c.Unseen[x]; !said {
				c.add(Finding{Check: x, Severity: Unseen, What: "nobody has asked", Remedy: grantOperate}, true)
			}
		}
	}
	if c.seen(CheckReplicas, true, grantOperate) && c.Tablets != nil {
		f := Finding{Check: CheckReplicas, Severity: OK, What: fmt.Sprintf("%d tablets, all healthy", t.Total)}
		if t.Unhealthy+t.Cloning > 0 {
			f.Severity = Stop
			f.What = fmt.Sprintf("%d of %d tablets are unhealthy, %d are being cloned: the next backend may have the last good replica", t.Unhealthy, t.Total, t.Cloning)
			f.Remedy = "wait until `SHOW PROC '/statistic'` has none"
		}
		c.add(f, true)
	}
	if c.seen(CheckBalance, true, grantOperate) && c.Tablets != nil {
		f := Finding{Check: CheckBalance, Severity: OK, What: "no tablet is on its way"}
		if t.Balancing > 0 {
			f.Severity, f.What = Stop, fmt.Sprintf("%d tablets are to be moved or on their way", t.Balancing)
			f.Remedy = "wait until `SHOW PROC '/cluster_balance'` is empty, or ADMIN SET FRONTEND CONFIG ('tablet_sched_disable_balance'='true') meanwhile"
		}
		c.add(f, true)
	}
}

// jobs: nothing runs that the stop of a backend would cancel.
func (c *checks) jobs() {
	if !c.seen(CheckJobs, true, grantOperate) {
		return
	}
	well, storage := true, c.next != nil && (c.next.Kind == Backend || c.next.Kind == Compute)
	if why, partly := c.Partly[CheckJobs]; partly {
		well = false
		c.add(Finding{Check: CheckJobs, Severity: Warn, What: why}, false)
	}
	for _, j := range c.Jobs {
		f := Finding{Check: CheckJobs, Severity: Warn, Of: j.Kind.word(), What: fmt.Sprintf("%s %s is %s", j.Kind, j.Name, j.State)}
		switch {
		case storage && j.Kind == Insert && j.Within > 0 && j.Within <= c.grace():
			f.What += fmt.Sprintf(": it has begun within the last %v, and %s lets it end", j.Within.Round(time.Second), c.next.Name)
		case storage && j.Kind == FedLoad:
			f.What += ": a backend that leaves lets it end within its graceful exit, and what feeds it has to try again"
			f.Remedy = "PAUSE ROUTINE LOAD, or have clients retry; `SELECT * FROM information_schema.loads WHERE STATE = 'LOADING'`"
		case storage:
			f.Severity = Stop
			f.What += ": stopping a backend may cancel it"
			f.Remedy = "wait for it (`SHOW ALTER TABLE COLUMN`, `SHOW LOAD`), or cancel it; or --accept " + f.ID()
		default:
			f.What += ": it may have to be repeated"
		}
		well = false
		c.add(f, true)
	}
	if well {
		c.add(Finding{Check: CheckJobs, Severity: OK, What: "no schema change and no load is under way"}, true)
	}
}

// The settings of backends by which they leave.
const (
	loopCount     = "loop_count_wait_fragments_finish"
	waitHeartbeat = "graceful_exit_wait_for_frontend_heartbeat"
)

// grace is how long the next one lets fragments end that run there; 0: it is not known. It looks that often, every ten seconds.
func (c *checks) grace() time.Duration {
	loops, _ := strconv.Atoi(c.Settings[c.next.Name][loopCount])
	return max(time.Duration(loops)*10*time.Second, 0)
}

// exit: what backends do when they are stopped is a graceful exit.
func (c *checks) exit() {
	if c.Flavor != backend.StarRocks || !c.remains(Backend, Compute) {
		return
	}
	if !c.seen(CheckExit, true, "GRANT SELECT ON information_schema.be_configs, or open port 8040 of backends") {
		return
	}
	well := true
	for i := range c.Facts.Nodes {
		n := &c.Facts.Nodes[i]
		if n.Kind != Backend && n.Kind != Compute {
			continue
		}
		settings := c.Settings[n.Name]
		f := Finding{Check: CheckExit, Node: n.Name, Severity: Warn, Remedy: "UPDATE information_schema.be_configs SET value = 'true' WHERE name = '" + waitHeartbeat + "'; and in be.conf, so that it stays"}
		wait, known := settings[waitHeartbeat]
		switch {
		case settings == nil:
			f.Severity, f.What, f.Remedy = Unseen, "its settings could not be read", "curl http://"+n.HTTP+"/varz"
		case settings[loopCount] == "0":
			f.Severity, f.What = Stop, loopCount+" is 0: graceful exit is off, and queries fail at once"
			f.Remedy = "UPDATE information_schema.be_configs SET value = '6' WHERE name = '" + loopCount + "'; and in be.conf, so that it stays"
		case !known:
			f.What, f.Remedy = "it knows no "+waitHeartbeat+" (3.4.5 and later do): frontends take it for dead when it leaves, and queries on it may fail", "queries of more than a few seconds are better not run meanwhile"
		case !truth(wait):
			f.What = waitHeartbeat + " is false: it may be gone before a frontend has seen SHUTDOWN"
		default:
			continue
		}
		well = false
		c.add(f, true)
	}
	if well {
		c.add(Finding{Check: CheckExit, Severity: OK, What: "backends wait for running fragments and for a heartbeat before they go"}, true)
	}
}

func truth(value string) bool {
	return slices.Contains([]string{"true", "1", "on"}, strings.ToLower(value))
}

// image: the metadata were written as an image of late.
func (c *checks) image() {
	if !c.remains(Frontend) {
		return
	}
	const remedy = "--create-image writes one first (ALTER SYSTEM CREATE IMAGE)"
	switch {
	case c.Prepared.Image && !c.Image.IsZero() && c.Image.Before(c.Began):
		c.add(Finding{Check: CheckImage, Severity: Warn, What: fmt.Sprintf("one was asked for, and the last is %v old", c.Now.Sub(c.Image).Round(time.Second)), Remedy: "fe.log of the leader says why (checkpoint)"}, false)
	case c.Prepared.Image:
		c.add(Finding{Check: CheckImage, Severity: OK, What: "one was written when the rollout began"}, false)
	case c.Ask.Image:
		c.add(Finding{Check: CheckImage, Severity: OK, What: "one is written before the first node goes"}, false)
	case c.Image.IsZero():
		c.add(Finding{Check: CheckImage, Severity: Unseen, What: "when the metadata were last written as an image is not known", Remedy: remedy}, false)
	case c.Now.Sub(c.Image) > c.Ask.Limits.Image:
		c.add(Finding{Check: CheckImage, Severity: Warn, What: fmt.Sprintf("the last image is %v old", c.Now.Sub(c.Image).Round(time.Minute)), Remedy: remedy}, false)
	default:
		c.add(Finding{Check: CheckImage, Severity: OK, What: fmt.Sprintf("the last is %v old", c.Now.Sub(c.Image).Round(time.Second))}, false)
	}
}

// backup: the metadata are saved, or an operator does without.
func (c *checks) backup() {
	switch f := (Finding{Check: CheckBackup, Severity: OK}); {
	case c.Ask.Backup == BackupRun:
		f.What = "the metadata are saved before the first node goes"
		c.add(f, true)
	case c.Ask.Backup == BackupWaived:
		f.What = "waived"
		c.add(f, true)
	case c.Ask.Change:
		f.Severity, f.What = Stop, "nobody has said how the leader's meta directory is saved"
		f.Remedy = "--backup 'ssh LEADER tar czf …', or --no-backup"
		c.add(f, true)
	default:
		f.What = "a mere restart needs none"
		c.add(f, true)
	}
}

// versions: backends are at least as new as frontends.
func (c *checks) versions() {
	oldest, newest := extremes(c.Facts.Nodes, Backend, Compute), extremes(c.Facts.Nodes, Frontend)
	well := true
	if oldest[0] != nil && c.next != nil && c.next.Kind == Frontend && c.Ask.Version != "" && !c.Back {
		if order, known := CompareVersions(oldest[0].Version, c.Ask.Version); known && order < 0 {
			well = false
			c.add(Finding{
				Check: CheckVersions, Severity: Stop, Node: oldest[0].Name, What: fmt.Sprintf("it has %s, older than %s that frontend %s would get", oldest[0].Version, c.Ask.Version, c.next.Name),
				Remedy: "upgrade backends and compute nodes first, then frontends",
			}, true)
		}
	}
	if oldest[0] != nil && newest[1] != nil && !c.Back {
		if order, known := CompareVersions(oldest[0].Version, newest[1].Version); known && order < 0 {
			well = false
			f := Finding{Check: CheckVersions, Severity: Stop, Node: oldest[0].Name, Remedy: "upgrade backends and compute nodes first, then frontends"}
			f.What = fmt.Sprintf("it has %s, older than %s of frontend %s", oldest[0].Version, newest[1].Version, newest[1].Name)
			if c.next != nil && c.next.Kind != Frontend {
				f.Severity, f.Remedy = Warn, "it is mended when all backends have gone" // the very order mends it
			}
			c.add(f, true)
		}
	}
	well = c.beside() && well
	for i := range c.Facts.Nodes {
		n := &c.Facts.Nodes[i]
		if c.Ask.Version == "" || c.Back || n.Version == "" || SameVersion(n.Version, c.Ask.Version) {
			continue
		}
		if order, known := CompareVersions(n.Version, c.Ask.Version); known && order > 0 {
			well = false
			c.add(Finding{Check: CheckVersions, Severity: Stop, Node: n.Name, What: fmt.Sprintf("it has %s: %s would be a downgrade", n.Version, c.Ask.Version), Remedy: "another --to-version, or `segue rollout run --roll-back`"}, true)
		}
	}
	if well {
		c.add(Finding{Check: CheckVersions, Severity: OK, What: versionsWell(c.Facts)}, true)
	}
}

func versionsWell(f *Facts) string {
	if f.hasFrontends() {
		return "no backend is older than a frontend, and no node newer than what is asked for"
	}
	return "no server is newer than what is asked for"
}

// beside: what TiDB's servers stand on is upgraded before them.
//
// https://docs.pingcap.com/tidb/stable/upgrade-tidb-using-tiup/
func (c *checks) beside() (well bool) {
	well = true
	for _, b := range c.Beside {
		if order, known := CompareVersions(b.Version, c.Ask.Version); c.Ask.Version != "" && !c.Back && known && order < 0 {
			well = false
			c.add(Finding{
				Check: CheckVersions, Severity: Stop, Node: b.Name, What: fmt.Sprintf("this %s has %s, older than %s that TiDB servers would get", b.Type, b.Version, c.Ask.Version),
				Remedy: "upgrade PD, then TiKV and TiFlash, then TiDB servers",
			}, true)
		}
	}
	return well
}

// extremes are the nodes of some kinds with the oldest and the newest version.
func extremes(nodes []Node, kinds ...Kind) (x [2]*Node) {
	for i := range nodes {
		n := &nodes[i]
		if !slices.Contains(kinds, n.Kind) || len(numbers(n.Version)) == 0 {
			continue
		}
		if x[0] == nil {
			x = [2]*Node{n, n}
			continue
		}
		if order, _ := CompareVersions(n.Version, x[0].Version); order < 0 {
			x[0] = n
		}
		if order, _ := CompareVersions(n.Version, x[1].Version); order > 0 {
			x[1] = n
		}
	}
	return x
}

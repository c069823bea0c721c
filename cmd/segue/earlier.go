package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A unit of systemd has several processes while those that have been taken over from have sessions left. The unit's main process answers for all of them: what is
// said to it, to stop, it says to them (KillMode=process). So one that crashes takes none of them along, and none keeps systemd from starting the next.

// isFollowed tells whether another process speaks for the unit that this one is of.
func (a *app) isFollowed() bool { return a.ceded.Load() && a.systemd.run() != "" }

// earlierPause is how long is waited between two looks at whether others have ended, of which nobody is told.
const earlierPause = 50 * time.Millisecond

// stopEarlier has the processes stop that this one's unit has run before it, once this one is asked to, and returns when they have: their sessions have as much time
// as this one's own. serving is done when this one has taken its last client.
func (a *app) stopEarlier(asked, serving context.Context) {
	select {
	case <-asked.Done():
	case <-serving.Done():
	}
	if asked.Err() == nil || a.ceded.Load() || a.systemd.run() == "" || a.systemd.socket == "" {
		return
	}
	all := a.earlier()
	if len(all) == 0 {
		return
	}
	c := a.config.current()
	most := c.Shutdown.Longest() + c.Proxy.DrainTimeout + stopMargin
	a.systemd.stopping(fmt.Sprintf("stopping, as %s of this unit that has been taken over from", plural(len(all), "process")), most+stopMargin)
	for _, pid := range all {
		a.log.Info("the Segue that was taken over from is to stop as well", "pid", pid, "timeout", most)
		_ = syscall.Kill(pid, syscall.SIGTERM) // one that has ended need not stop
	}
	end, look := time.After(most), time.NewTicker(earlierPause)
	defer look.Stop()
	hurried := a.hurried
	for len(alive(all)) > 0 {
		select {
		case <-look.C:
		case <-hurried:
			hurried = nil
			for _, pid := range alive(all) {
				_ = syscall.Kill(pid, syscall.SIGINT) // the second signal: stop now
			}
		case <-end:
			a.log.Warn("a Segue that was taken over from has not stopped in time", "pid", alive(all)[0])
			return
		}
	}
}

// earlier are the processes that answer where Segues do that have been taken over from, and are of this one's control group, which is its unit's: whoever has
// started them, if it has crashed since, too.
func (a *app) earlier() (all []int) {
	if a.sockets.offer == nil {
		return nil
	}
	group := controlGroup()
	offer := a.sockets.offer.at().path
	files, _ := os.ReadDir(filepath.Dir(offer))
	for _, f := range files {
		if !isPrivateOf(offer, f.Name()) {
			continue
		}
		path := filepath.Join(filepath.Dir(offer), f.Name())
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: path})
		if err != nil {
			continue
		}
		uid, pid, err := peer(conn)
		_ = conn.Close()
		if err != nil || sameUser(uid, os.Geteuid(), overflowUID(os.ReadFile)) != nil || pid <= 1 || int(pid) == os.Getpid() {
			continue
		}
		if slices.Contains(group, strconv.Itoa(int(pid))) {
			all = append(all, int(pid))
		}
	}
	return all
}

// isPrivateOf tells whether a file beside an offer may be where one answers that has been taken over from (see openPrivate): by this offer, or by one of before, whose
// addresses were others.
func isPrivateOf(offer, name string) bool {
	return strings.HasPrefix(name, filepath.Base(offer)+".") || strings.HasPrefix(name, "takeover") && strings.Contains(name, ".sock.")
}

// controlGroup are the processes of this one's control group. What /proc has of another process is hidden from one in a user namespace of its own (PrivateUsers=).
func controlGroup() (pids []string) {
	b, _ := os.ReadFile("/proc/self/cgroup")
	for _, file := range membersOf(string(b)) {
		b, _ := os.ReadFile(file)
		pids = append(pids, strings.Fields(string(b))...)
	}
	return pids
}

// membersOf are the files that may list the processes of a control group of systemd, of which cgroup(7) tells in /proc/self/cgroup: in the one hierarchy of today, or
// in those of before.
func membersOf(text string) (files []string) {
	for line := range strings.Lines(text) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		kind, path, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case kind == "":
			files = append(files, filepath.Join("/sys/fs/cgroup", path, "cgroup.procs"), filepath.Join("/sys/fs/cgroup/unified", path, "cgroup.procs"))
		case kind == "name=systemd":
			files = append(files, filepath.Join("/sys/fs/cgroup/systemd", path, "cgroup.procs"))
		}
	}
	return files
}

// alive are those of some processes that have not ended.
func alive(pids []int) (left []int) {
	for _, pid := range pids {
		if syscall.Kill(pid, 0) == nil {
			left = append(left, pid)
		}
	}
	return left
}

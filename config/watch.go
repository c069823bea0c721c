package config

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long a change is left alone before it is read: editors
	// and file copies take several steps.
	settle = 100 * time.Millisecond
	// lookAgain is how often the file is read without any notice. It finds
	// what notices do not tell: a change behind a symbolic link into another
	// folder, a network file system, a machine without free watches.
	lookAgain = 30 * time.Second
)

// Watcher notices changes of a configuration file and of the secrets that it
// names files for.
type Watcher struct {
	Path      string // empty: there is no file, only Trigger, and files with secrets that overrides name
	Overrides []Override
	// Trigger asks for a reload now, changed or not: a SIGHUP. What it brings is called when that has come to an end. May be nil.
	Trigger <-chan func()
	// Changed gets the new configuration, or *Problems. It is called by Run,
	// one call at a time. After a problem the next call comes when the file
	// has changed again.
	Changed func(*Config, error)
	Log     *slog.Logger // nil: nothing is logged

	from reader
}

// Run watches until ctx is done and then returns nil. It starts from the
// configuration that current was loaded from.
//
// The folder is watched and not the file, and so are those of the files with
// secrets: Kubernetes swaps a symbolic link beside them, editors replace them. A notice is only a reason to look; what
// counts is whether the content has changed.
func (w *Watcher) Run(ctx context.Context, current *Config) error {
	log := w.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	seen := current.seen
	n := w.notices(log, len(seen.folders) > 0)
	defer n.close()
	n.follow(seen.folders)
	looks := make(chan look, 1)
	var busy, due bool           // a look is under way; another is due behind it
	var asked, answered []func() // for the look that is due, and for the one that is under way: whatever they find
	for {
		if due && !busy {
			go w.read(seen.folders, looks)
			busy, due, answered, asked = true, false, asked, nil
		}
		select {
		case <-ctx.Done():
			return nil
		case l := <-looks:
			busy = false
			if l.seen.sum != seen.sum || len(answered) > 0 {
				w.Changed(l.config, l.err)
			}
			for _, done := range answered {
				done()
			}
			seen = l.seen
			n.follow(seen.folders)
		case <-n.events:
			n.soon()
		case err := <-n.errs: // an overflow loses notices
			log.Warn("watching the configuration", "cause", err)
			n.soon()
		case <-n.again:
			due = true
		case <-n.settled.C:
			n.waiting, due = false, true
		case done := <-w.Trigger:
			asked, due = append(asked, done), true
		}
	}
}

// look is what was read at once.
type look struct {
	config *Config
	seen   seen
	err    error
}

// read reads everything anew, the file and those with secrets that it names. It runs in a goroutine of its own, for which nobody waits: each file
// on a server that is gone takes [files.Patience], once. While the file itself cannot be read, the folders of before are kept in view.
func (w *Watcher) read(folders []string, to chan<- look) {
	var l look
	data, err := []byte(nil), error(nil)
	if w.Path != "" {
		data, err = w.from.config(w.Path)
	}
	if err != nil {
		l = look{nil, seen{"unreadable: " + err.Error(), folders}, err}
	} else {
		l.config, l.seen, l.err = parseSeen(w.Path, data, w.Overrides, &w.from)
	}
	to <- l // there is room for the one that is under way
}

// notices are the reasons to look at the file. They belong to Run.
type notices struct {
	notifier *fsnotify.Watcher     // nil: there is none
	events   <-chan fsnotify.Event // something happened in the folder; never closed before close
	errs     <-chan error          // likewise
	ticker   *time.Ticker
	again    <-chan time.Time // nil: there is no file
	settled  *time.Timer
	waiting  bool // settled is running
	log      *slog.Logger
	late     map[string]bool // folders that cannot be watched
}

// notices begins to watch. A first look is due soon: the file may have changed
// since it was loaded. Where there is neither a file nor one with a secret, which a flag or a variable may name, there is nothing to look at.
func (w *Watcher) notices(log *slog.Logger, files bool) *notices {
	n := &notices{ticker: time.NewTicker(lookAgain), settled: time.NewTimer(settle), waiting: true, log: log, late: map[string]bool{}}
	if !files {
		n.settled.Stop()
		return n
	}
	n.again = n.ticker.C
	notifier, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("configuration changes are noticed late", "cause", err, "every", lookAgain)
		return n
	}
	n.notifier, n.events, n.errs = notifier, notifier.Events, notifier.Errors
	return n
}

// follow watches these folders and no others, and has another look where it begins to. A folder that is not there is tried
// again with the next look.
func (n *notices) follow(folders []string) {
	if n.notifier == nil {
		return
	}
	before := n.notifier.WatchList()
	for _, known := range before {
		if !slices.Contains(folders, known) {
			_ = n.notifier.Remove(known)
		}
	}
	for _, folder := range folders {
		err := n.notifier.Add(folder) // of one that is watched, nothing
		if err != nil && !n.late[folder] {
			n.log.Warn("configuration changes are noticed late", "cause", err, "every", lookAgain)
		}
		n.late[folder] = err != nil
		if err == nil && !slices.Contains(before, folder) {
			n.soon() // it may have changed since it was read
		}
	}
}

// soon looks once things have settled. The first notice starts the wait and
// later ones do not prolong it, so that a busy folder cannot put it off for
// ever.
func (n *notices) soon() {
	if !n.waiting {
		n.waiting = true
		n.settled.Reset(settle)
	}
}

func (n *notices) close() {
	n.ticker.Stop()
	n.settled.Stop()
	if n.notifier != nil {
		n.notifier.Close()
	}
}

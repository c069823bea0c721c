package config

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"path/filepath"
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

// Watcher notices changes of a configuration file.
type Watcher struct {
	Path      string // empty: there is no file, only Trigger
	Overrides []Override
	// Trigger asks for a reload now, changed or not: a SIGHUP. May be nil.
	Trigger <-chan struct{}
	// Changed gets the new configuration, or *Problems. It is called by Run,
	// one call at a time. After a problem the next call comes when the file
	// has changed again.
	Changed func(*Config, error)
	Log     *slog.Logger // nil: nothing is logged
}

// Run watches until ctx is done and then returns nil. It starts from the
// configuration that current was loaded from.
//
// The folder is watched and not the file: Kubernetes swaps a symbolic link
// beside it, editors replace it. A notice is only a reason to look; what
// counts is whether the content has changed.
func (w *Watcher) Run(ctx context.Context, current *Config) error {
	log := w.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	n := w.notices(log)
	defer n.close()
	seen := current.sum
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.events:
			n.soon()
		case err := <-n.errs: // an overflow loses notices
			log.Warn("watching the configuration", "cause", err)
			n.soon()
		case <-n.again:
			w.look(&seen, false)
		case <-n.settled.C:
			n.waiting = false
			w.look(&seen, false)
		case <-w.Trigger:
			w.look(&seen, true)
		}
	}
}

// look reads the file and calls Changed if the content is new, or always.
func (w *Watcher) look(seen *[sha256.Size]byte, always bool) {
	var data []byte
	var err error
	if w.Path != "" {
		data, err = readFile(w.Path)
	}
	sum := sha256.Sum256(data)
	if err != nil {
		sum = sha256.Sum256([]byte("unreadable: " + err.Error()))
	}
	if sum == *seen && !always {
		return
	}
	*seen = sum
	if err != nil {
		w.Changed(nil, err)
		return
	}
	w.Changed(Parse(w.Path, data, w.Overrides...))
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
}

// notices begins to watch. A first look is due soon: the file may have changed
// since it was loaded.
func (w *Watcher) notices(log *slog.Logger) *notices {
	n := &notices{ticker: time.NewTicker(lookAgain), settled: time.NewTimer(settle), waiting: true}
	if w.Path == "" {
		n.settled.Stop()
		return n
	}
	n.again = n.ticker.C
	notifier, err := watchFolder(filepath.Dir(w.Path))
	if err != nil {
		log.Warn("configuration changes are noticed late", "cause", err, "every", lookAgain)
		return n
	}
	n.notifier, n.events, n.errs = notifier, notifier.Events, notifier.Errors
	return n
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

func watchFolder(dir string) (*fsnotify.Watcher, error) {
	notifier, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	if err := notifier.Add(dir); err != nil {
		notifier.Close()
		return nil, err
	}
	return notifier, nil
}

package fesim

import (
	"cmp"
	"slices"
	"time"
)

// LoadState is the state of a load's transaction, in the words of TransactionStatus.
type LoadState string

// The states. A label that the leader does not know, never or no longer, is UNKNOWN.
const (
	LoadPrepare   LoadState = "PREPARE"
	LoadPrepared  LoadState = "PREPARED"
	LoadCommitted LoadState = "COMMITTED"
	LoadVisible   LoadState = "VISIBLE"
	LoadAborted   LoadState = "ABORTED"
	LoadUnknown   LoadState = "UNKNOWN"
)

// final tells whether nothing comes after the state.
func (s LoadState) final() bool { return s == LoadVisible || s == LoadAborted }

// LoadTxn is a transaction of Stream Load, as somebody sees it who has been watching all along: also when its label has been evicted, or lost with a leader.
type LoadTxn struct {
	ID        int64
	Database  string
	Table     string // the first, of a transaction of several statements
	Label     string
	State     LoadState
	Reason    string // of an abort
	Node      string // name of the BE that coordinates it; "": an FE
	Rows      int64  // loaded by it, once it is committed
	Bytes     int64
	Forgotten bool // the leader does not know it any more: get_load_state says UNKNOWN
}

// LoadTxns returns all transactions of a database that there have been, in the order of their begins; db "": of all.
func (c *Cluster) LoadTxns(db string) []LoadTxn {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tidyLoads(time.Now())
	var list []LoadTxn
	for _, t := range c.loads.all {
		if db == "" || t.db == db {
			list = append(list, t.shown(time.Now()))
		}
	}
	return list
}

// LoadLabel returns what has become of a label: the last transaction that had it, with [LoadUnknown] as its state if there was none. That of a
// transaction that is forgotten is the true one, not what FEs say.
func (c *Cluster) LoadLabel(db, label string) LoadTxn {
	for _, t := range slices.Backward(c.LoadTxns(db)) {
		if t.Label == label {
			return t
		}
	}
	return LoadTxn{Database: db, Label: label, State: LoadUnknown}
}

// Loaded is what loads have put into a table: a multiset of rows. A row's key is its first column; of a JSON object it is its field id, or its first one.
type Loaded struct {
	Rows  int64          // all of them, each as often as it was loaded
	Bytes int64          // of the bodies; of those that were discarded, too
	Texts map[string]int // how often each row was loaded, by its text as it was sent; nil when there were more than [LoadTexts] rows
	ids   []uint8        // how often each key that is a number below maxID was loaded; 255: that or more
	keys  map[string]int // how often each other key was
}

// LoadTexts is how many rows of a table are kept with their texts.
const LoadTexts = 100_000

// maxID is the first number that is kept as a text when it is a key.
const maxID = 1 << 28

// Loaded returns what has been loaded into a table and is committed.
func (c *Cluster) Loaded(db, table string) Loaded {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tidyLoads(time.Now())
	if t := c.loads.tables[db+"."+table]; t != nil {
		return t.snapshot()
	}
	return Loaded{Texts: map[string]int{}}
}

// Times is how often a row with that key was loaded.
func (l Loaded) Times(key string) int {
	if id, ok := idOf([]byte(key)); ok {
		if id < len(l.ids) {
			return int(l.ids[id])
		}
		return 0
	}
	return l.keys[key]
}

// Distinct is how many different keys were loaded.
func (l Loaded) Distinct() int {
	n := len(l.keys)
	for _, times := range l.ids {
		if times > 0 {
			n++
		}
	}
	return n
}

// Twice are keys that were loaded more than once, a thousand at most.
func (l Loaded) Twice() []string {
	var keys []string
	for id, times := range l.ids {
		if times > 1 && len(keys) < 1000 {
			keys = append(keys, itoa(id))
		}
	}
	for key, times := range l.keys {
		if times > 1 && len(keys) < 1000 {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// HTTPAddress returns host:port of the HTTP port.
func (f *FE) HTTPAddress() string { return f.http.address }

// HTTPAddress returns host:port of the web server, which takes loads.
func (b *BE) HTTPAddress() string { return b.http.address }

// advertised is host:port of the web server, as FEs know it.
func (b *BE) advertised() string { return cmp.Or(b.opts.Advertised, b.http.address) }

// Loads returns how many loads, or statements of a transaction of loads, the BE is receiving or committing now.
func (b *BE) Loads() int {
	l := b.current()
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loads
}

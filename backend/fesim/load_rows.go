package fesim

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"segue/backend/wire"
)

// loadBatch is what one transaction has brought for one table.
type loadBatch struct {
	table    string // db.table
	rows     int64
	filtered int64
	bytes    int64
	ids      []uint32
	keys     []string                  // that are no ids
	texts    []string                  // of all rows, up to LoadTexts
	errors   []string                  // of rows that were filtered, up to 50
	split    func(text string) []value // makes the values of a row of its text; nil: it is a JSON object
}

// add takes a row.
func (b *loadBatch) add(key, text []byte, split func(string) []value) {
	b.split = split
	b.rows++
	if id, ok := idOf(key); ok {
		b.ids = append(b.ids, uint32(id))
	} else {
		b.keys = append(b.keys, string(key))
	}
	if len(b.texts) < LoadTexts {
		b.texts = append(b.texts, string(text))
	}
}

// merge takes what another batch has.
func (b *loadBatch) merge(other *loadBatch) {
	b.rows += other.rows
	b.filtered += other.filtered
	b.bytes += other.bytes
	b.ids = append(b.ids, other.ids...)
	b.keys = append(b.keys, other.keys...)
	b.texts = append(b.texts, other.texts...)
}

// filter takes a row that cannot be loaded.
func (b *loadBatch) filter(reason string) {
	b.filtered++
	if len(b.errors) < 50 {
		b.errors = append(b.errors, reason)
	}
}

// columnsOf is how many columns a row of a load has to have: those that its header names, or those of a table that was created; 0: any number.
func (c *Cluster) columnsOf(path, header string) int {
	if header != "" {
		n := 0
		for name := range strings.SplitSeq(header, ",") {
			if !strings.Contains(name, "=") { // computed
				n++
			}
		}
		return n
	}
	db, table, _ := strings.Cut(path, ".")
	c.mu.Lock()
	defer c.mu.Unlock()
	if def := find(c.journal.changes, db, table); def != nil {
		return len(def.columns)
	}
	return 0
}

// store puts the rows of a batch into a table that was created. It needs c.mu.
func (c *Cluster) store(b *loadBatch) {
	db, table, _ := strings.Cut(b.table, ".")
	def := find(c.journal.changes, db, table)
	if def == nil || def.kind != baseTable {
		return
	}
	for _, text := range b.texts {
		var names []string
		var values []value
		if b.split != nil {
			values = b.split(text)
		} else {
			var fields map[string]any
			_ = json.Unmarshal([]byte(text), &fields)
			for _, c := range def.columns {
				if v, ok := fields[c.name]; ok {
					names, values = append(names, c.name), append(values, jsonValue(v))
				}
			}
		}
		if row, err := def.place(names, values); err == nil {
			def.rows = append(def.rows, row)
		}
	}
}

// jsonValue is a value of SQL.
func jsonValue(v any) value {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return v
	case float64:
		return v
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// loadedRelation is a table that was not created, but loaded into: its rows' keys, as id. Tables of the bench are there, and empty, before their first load.
func (c *Cluster) loadedRelation(path string) *relation {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tidyLoads(time.Now())
	t := c.loads.tables[path]
	if t == nil {
		if !strings.HasPrefix(path, "fesim.loads_") {
			return nil
		}
		t = newLoadedTable()
	}
	s := t.snapshot()
	return &relation{columns: []column{{name: "id", typ: wire.TypeVarString}}, rows: func(yield func([]value) bool) {
		for id, times := range s.ids {
			for range times {
				if !yield([]value{strconv.Itoa(id)}) {
					return
				}
			}
		}
		for key, times := range s.keys {
			for range times {
				if !yield([]value{key}) {
					return
				}
			}
		}
	}}
}

// loadedTable is what is in a table.
type loadedTable struct {
	rows, bytes int64
	ids         []uint8
	keys        map[string]int
	texts       map[string]int // nil: there were too many
	kept        int            // rows in texts
}

func newLoadedTable() *loadedTable {
	return &loadedTable{keys: make(map[string]int), texts: make(map[string]int)}
}

func (t *loadedTable) take(b *loadBatch) {
	t.rows += b.rows
	t.bytes += b.bytes
	for _, id := range b.ids {
		if n := int(id) + 1 - len(t.ids); n > 0 {
			t.ids = append(t.ids, make([]uint8, n)...)
		}
		if t.ids[id] < 255 {
			t.ids[id]++
		}
	}
	for _, key := range b.keys {
		t.keys[key]++
	}
	t.kept += len(b.texts)
	if t.kept > LoadTexts || int64(len(b.texts)) < b.rows {
		t.texts = nil
	}
	if t.texts != nil {
		for _, text := range b.texts {
			t.texts[text]++
		}
	}
}

func (t *loadedTable) snapshot() Loaded {
	return Loaded{Rows: t.rows, Bytes: t.bytes, Texts: maps.Clone(t.texts), ids: slices.Clone(t.ids), keys: maps.Clone(t.keys)}
}

// idOf reads a key that is a number as one writes it, below maxID.
func idOf(key []byte) (int, bool) {
	if len(key) == 0 || len(key) > 9 || key[0] == '0' && len(key) > 1 {
		return 0, false
	}
	n := 0
	for _, c := range key {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n < maxID
}

func itoa(n int) string { return strconv.Itoa(n) }

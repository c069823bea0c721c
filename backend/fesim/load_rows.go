package fesim

import (
	"maps"
	"slices"
	"strconv"
)

// loadBatch is what one transaction has brought for one table.
type loadBatch struct {
	table    string // db.table
	rows     int64
	filtered int64
	bytes    int64
	ids      []uint32
	keys     []string // that are no ids
	texts    []string // of all rows, up to LoadTexts
}

// add takes a row.
func (b *loadBatch) add(key, text []byte) {
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

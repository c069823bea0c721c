package client

import (
	"errors"
	"fmt"
	"slices"

	"segue/backend/wire"
)

// Value is a value of a text result as it is; nil for NULL, which an empty one is not.
type Value []byte

// Table takes the one result of a COM_QUERY, by its Take. It is empty after an OK_Packet.
type Table struct {
	// Ext are the extended capabilities that have been agreed on: see [Terms].
	Ext     uint32
	Columns []wire.ColumnDefinition41
	Rows    [][]Value
	// Each, if set, is given the rows as they come. None is kept then, so that only their number is bounded by what the server was asked for.
	Each func(row []Value)

	columns uint64 // as the server has announced them
	results int
	size    int
}

// What a Table counts for a value and for a definition, beside their bytes, so that what it holds is bounded whatever a server sends.
const (
	valueSize      = 24
	definitionSize = 176
)

// Take is for [Command.Take].
func (t *Table) Take(part Part, payload []byte) error {
	if part != Row || t.Each == nil {
		t.size += len(payload)
	}
	switch part {
	case First:
		return t.first(payload)
	case Definition:
		return t.definition(payload)
	case Row:
		return t.row(payload)
	case Last:
	}
	return nil
}

var errManyResults = errors.New("more than one result")

func (t *Table) first(payload []byte) error {
	if t.results++; t.results > 1 {
		return errManyResults
	}
	if payload[0] == 0x00 { // OK_Packet
		return nil
	}
	n, size := wire.LenencInt(payload)
	if t.columns = n; t.Ext&wire.MariaDBClientCacheMetadata != 0 && len(payload) > size && payload[size] == 0 {
		return errors.New("no column definitions")
	}
	return nil
}

func (t *Table) definition(payload []byte) error {
	var d wire.ColumnDefinition41
	if t.size += definitionSize; t.size > MaxAnswer {
		return errTooLarge
	}
	if err := d.Decode(payload, t.Ext); err != nil {
		return err
	}
	t.Columns = append(t.Columns, d)
	return nil
}

var errTooLarge = fmt.Errorf("a result of more than %d bytes", MaxAnswer)

func (t *Table) row(payload []byte) error {
	if t.Each == nil {
		t.size += valueSize * (1 + len(t.Columns))
	}
	if t.size > MaxAnswer {
		return errTooLarge
	}
	row := make([]Value, 0, len(t.Columns))
	rest := append(make([]byte, 0, len(payload)), payload...)
	for range t.Columns {
		if len(rest) > 0 && rest[0] == 0xfb {
			row, rest = append(row, nil), rest[1:]
			continue
		}
		v, n := wire.LenencString(rest)
		if n == 0 {
			return fmt.Errorf("row cut short in column %d", len(row)+1)
		}
		row, rest = append(row, slices.Clip(v)), rest[n:]
	}
	if len(rest) > 0 || uint64(len(row)) != t.columns {
		return errors.New("row of more columns than were defined")
	}
	if t.Each != nil {
		t.Each(row)
		return nil
	}
	t.Rows = append(t.Rows, row)
	return nil
}

// Prepared takes the answer to a COM_STMT_PREPARE, by its Take.
type Prepared struct{ wire.StmtPrepareOK }

// Take is for [Command.Take].
func (p *Prepared) Take(part Part, payload []byte) error {
	if part != First {
		return nil
	}
	return p.Decode(payload)
}

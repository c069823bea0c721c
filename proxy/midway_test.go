package proxy

import (
	"testing"

	"segue/backend/wire"
)

// A client that has prepared a statement executes it next: what its user sees as one statement is not cut in two.
func TestDrainDoesNotPartPrepareFromExecute(t *testing.T) {
	next := make(chan []byte, 1)
	p := onA(t, Options{}, steps(next))
	d := p.connect()
	d.write(0, append([]byte{byte(wire.ComStmtPrepare)}, "SELECT 1"...))
	p.waitState(Busy)
	p.ready("b")
	p.leave("a")
	eventually(t, "the drain", p.draining)
	next <- []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if _, err := d.row(); err != nil {
		t.Fatalf("COM_STMT_PREPARE: %v", err)
	}
	next <- peerOK
	d.write(0, []byte{byte(wire.ComStmtExecute), 1, 0, 0, 0, 0, 1, 0, 0, 0})
	if _, err := d.row(); err != nil {
		t.Fatalf("COM_STMT_EXECUTE: %v", err)
	}
	d.waitEOF()
}

package plan

// WaitedFacts is what there is to know of a statement that waits.
type WaitedFacts struct {
	Held    bool // for a backend or for the operator, not for a move alone
	Behind  bool // the statement before it is to be answered first
	Silent  bool // no server answers it
	Expired bool // a command without an answer has waited for hold.timeout
	Late    bool // it has waited for hold.timeout
	Excess  bool // as many as may waited already when it came
	DryRun  bool // hold.dry_run, and no backend can take it
}

// WaitedAction is what becomes of a statement that waits.
type WaitedAction uint8

// What may become of a statement that waits.
const (
	GoOn           WaitedAction = iota // it goes on waiting
	RefuseLate                         // it is answered by an error: no backend within hold.timeout
	RefuseExcess                       // … too many wait
	RefuseDryRun                       // … hold.dry_run
	RefuseLongData                     // it is dropped, and costs the statement behind it its answer
	numWaitedActions
)

var waitedActions = [numWaitedActions]string{"go on", "refuse late", "refuse excess", "refuse dry run", "refuse long data"}

// String names the action.
func (a WaitedAction) String() string { return waitedActions[a] }

// Waited decides what becomes of a statement that waits.
func Waited(f *WaitedFacts) WaitedAction {
	switch {
	case !f.Held, f.Behind:
		return GoOn
	case f.Silent && f.Expired:
		return RefuseLongData
	case f.Silent:
		return GoOn
	case f.Late:
		return RefuseLate
	case f.Excess:
		return RefuseExcess
	case f.DryRun:
		return RefuseDryRun
	}
	return GoOn
}

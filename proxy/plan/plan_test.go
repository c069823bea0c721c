package plan

import (
	"testing"
	"time"
)

func TestCommand(t *testing.T) {
	usable := Departing{Outlives: true, Rested: true, GateIsOpen: true}
	with := func(change func(d *Departing)) Departing {
		d := usable
		change(&d)
		return d
	}
	for name, c := range map[string]struct {
		f    CommandFacts
		want CommandAction
	}{
		"plain":                                {CommandFacts{}, Forward},
		"half a header":                        {CommandFacts{Headless: true, Debt: true}, NeedMore},
		"quit":                                 {CommandFacts{Quit: true, Debt: true}, Forward},
		"quit between two backends":            {CommandFacts{Quit: true, Between: true}, EndQuit},
		"too little to know":                   {CommandFacts{Undecided: true}, NeedMore},
		"owed":                                 {CommandFacts{Debt: true}, Pay},
		"owed while moving":                    {CommandFacts{Debt: true, Between: true}, Pay},
		"owed behind a statement to run again": {CommandFacts{Debt: true, Between: true, Again: true}, Wait},
		"a rollback does without":              {CommandFacts{Debt: true, GivesUp: true}, Forgive},
		"a rollback that waits may yet be refused": {CommandFacts{Debt: true, GivesUp: true, Between: true}, Wait},
		"a ping is no statement":                   {CommandFacts{Debt: true, Ping: true}, Forward},
		"nor is what nobody answers":               {CommandFacts{Debt: true, Silent: true}, Forward},
		"data for an execution that is refused":    {CommandFacts{Debt: true, Silent: true, Data: true}, Drop},
		"moving":                                   {CommandFacts{Between: true}, Wait},
		"paused":                                   {CommandFacts{Paused: true, Kill: true}, Wait},
		"asks for what is lost":                    {CommandFacts{Asks: true, Missing: true}, RefuseMoved},
		"asks for what is there":                   {CommandFacts{Asks: true}, Forward},
		"a ping to a session that ends":            {CommandFacts{Ping: true, Probes: true, Ends: true}, EndInstead},
		"asks for an id that is lost":              {CommandFacts{Forgone: true, Asks: true, Missing: true}, RefuseForgone},
		"a statement to a session that ends":       {CommandFacts{Ends: true}, Forward},
		"a KILL":                                   {CommandFacts{Kill: true}, BringKill},
		"backend hangs":                            {CommandFacts{Departs: with(func(d *Departing) { d.Hung = true })}, FleeHung},
		"backend hangs, not to be rebuilt":         {CommandFacts{Departs: with(func(d *Departing) { d.Hung, d.Outlives = true, false })}, Forward},
		"backend has closed":                       {CommandFacts{Kill: true, Departs: with(func(d *Departing) { d.Closed = true })}, FleeClosed},
		"backend down":                             {CommandFacts{Departs: with(func(d *Departing) { d.Down, d.Answers = true, true })}, LeaveFirst},
		"backend down, tried a moment ago":         {CommandFacts{Departs: with(func(d *Departing) { d.Down, d.Answers, d.Rested = true, true, false })}, Forward},
		"backend down, and must be asked":          {CommandFacts{Departs: with(func(d *Departing) { d.Down = true })}, Forward},
		"told to leave":                            {CommandFacts{Departs: with(func(d *Departing) { d.Told = true })}, LeaveFirst},
		"told to leave, asks first":                {CommandFacts{Asks: true, Departs: with(func(d *Departing) { d.Told = true })}, Forward},
		"told to leave, nowhere to go":             {CommandFacts{Departs: with(func(d *Departing) { d.Told, d.GateIsOpen = true, false })}, Forward},
	} {
		if got := Command(&c.f); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

var testPauses = Pauses{Recent: time.Second, Mute: 250 * time.Millisecond, Shut: 500 * time.Millisecond}

func TestBoundary(t *testing.T) {
	leaves := BoundaryFacts{Idle: true, Told: true, Intent: true}
	stays := BoundaryFacts{Idle: true, Intent: true, Linger: time.Second}
	with := func(f BoundaryFacts, change func(f *BoundaryFacts)) BoundaryFacts {
		change(&f)
		return f
	}
	for name, c := range map[string]struct {
		f    BoundaryFacts
		want BoundaryAction
		wait time.Duration
	}{
		"nothing":                             {BoundaryFacts{Idle: true}, Stay, 0},
		"told to go":                          {leaves, Leave, 0},
		"has more room elsewhere":             {BoundaryFacts{Idle: true, Told: true}, Leave, 0},
		"tried a moment ago":                  {with(leaves, func(f *BoundaryFacts) { f.RetryIn = time.Minute }), Later, time.Minute},
		"may ask for warnings":                {with(leaves, func(f *BoundaryFacts) { f.Recent, f.Silence = true, 300*time.Millisecond }), Later, 700 * time.Millisecond},
		"will not ask any more":               {with(leaves, func(f *BoundaryFacts) { f.Recent, f.Silence = true, time.Minute }), Leave, 0},
		"backend mute, and must be asked":     {with(leaves, func(f *BoundaryFacts) { f.Mute, f.NeedsOld = true, true }), Later, testPauses.Mute},
		"about to be killed":                  {with(leaves, func(f *BoundaryFacts) { f.Condemned = true }), Later, testPauses.Shut},
		"killed":                              {BoundaryFacts{Idle: true, Executed: true}, EndKilled, 0},
		"cannot move, silent":                 {stays, Linger, 0},
		"cannot move, silent for long":        {with(stays, func(f *BoundaryFacts) { f.Linger = 0 }), End, 0},
		"cannot move, answered":               {with(stays, func(f *BoundaryFacts) { f.Answered = true }), End, 0},
		"cannot move, more has come":          {with(stays, func(f *BoundaryFacts) { f.Answered, f.More = true, true }), Linger, 0},
		"cannot move, in the midst of things": {with(stays, func(f *BoundaryFacts) { f.Answered, f.Midway = true, true }), Linger, 0},
		"cannot move, pinged":                 {with(stays, func(f *BoundaryFacts) { f.Answered, f.Lent, f.Probe = true, true, true }), Instead, 0},
		"cannot move, has been pinged":        {with(stays, func(f *BoundaryFacts) { f.Answered, f.Lent = true, true }), Linger, 0},
		"cannot move, need not":               {with(stays, func(f *BoundaryFacts) { f.Optional = true }), Stay, 0},
		"pinned by what lasts":                {with(leaves, func(f *BoundaryFacts) { f.Idle, f.Answered = false, true }), End, 0},
		"pinned, and may stay: it looks down": {with(leaves, func(f *BoundaryFacts) { f.Idle, f.Optional = false, true }), Stay, 0},
	} {
		if got, wait := Boundary(&c.f, testPauses); got != c.want || wait != c.wait {
			t.Errorf("%s: %s after %s, want %s after %s", name, got, wait, c.want, c.wait)
		}
	}
}

func TestLost(t *testing.T) {
	moves := LostFacts{Ties: Ties{Commanding: true, Credential: true}}
	with := func(f LostFacts, change func(f *LostFacts)) LostFacts {
		change(&f)
		return f
	}
	for name, c := range map[string]struct {
		f    LostFacts
		want LostAction
	}{
		"idle":                             {moves, Flee},
		"idle, without a credential":       {LostFacts{}, GoneIdle},
		"quit":                             {with(moves, func(f *LostFacts) { f.Quit = true }), FinishQuit},
		"ending":                           {with(moves, func(f *LostFacts) { f.Over = true }), Finish},
		"killed":                           {with(moves, func(f *LostFacts) { f.Condemned = true }), FinishKilled},
		"a statement that reads":           {with(moves, func(f *LostFacts) { f.Outstanding, f.RunAgain = 1, true }), FleeAgain},
		"a statement that writes":          {with(moves, func(f *LostFacts) { f.Outstanding = 1 }), FleeUnknown},
		"between two rows":                 {with(moves, func(f *LostFacts) { f.Outstanding, f.Answered, f.Endable, f.RunAgain = 1, true, true, true }), FleeMidAnswer},
		"within a packet":                  {with(moves, func(f *LostFacts) { f.Outstanding, f.Answered = 1, true }), GoneStatement},
		"two statements":                   {with(moves, func(f *LostFacts) { f.Outstanding = 2 }), GoneStatement},
		"in the midst of a command":        {with(moves, func(f *LostFacts) { f.MidCommand = true }), GoneAnswered},
		"in a transaction":                 {with(moves, func(f *LostFacts) { f.Pinned = true }), Flee},
		"in a transaction, no credential":  {LostFacts{Pinned: true}, GoneInDebt},
		"a statement waits":                {LostFacts{Waiting: true}, GoneUnsent},
		"idle for too long, as it says":    {with(moves, func(f *LostFacts) { f.TooIdle, f.Failed = true, true }), FleeLater},
		"idle for as long as it may":       {with(moves, func(f *LostFacts) { f.Limit, f.Idle = 2*time.Second, 1990*time.Millisecond }), FleeLater},
		"idle for less":                    {with(moves, func(f *LostFacts) { f.Limit, f.Idle = 10*time.Second, 8*time.Second }), Flee},
		"idle, limit unknown":              {with(moves, func(f *LostFacts) { f.Idle = 1000 * time.Hour }), Flee},
		"idle, in a transaction":           {with(moves, func(f *LostFacts) { f.TooIdle, f.Pinned = true, true }), FleeLater},
		"idle, and a statement has come":   {with(moves, func(f *LostFacts) { f.TooIdle, f.Waiting = true, true }), Flee},
		"idle, by a token":                 {with(moves, func(f *LostFacts) { f.TooIdle, f.ByToken = true, true }), Flee},
		"idle, while it runs":              {with(moves, func(f *LostFacts) { f.Limit, f.Idle, f.Outstanding = time.Second, time.Minute, 1 }), FleeUnknown},
		"idle for too long, no credential": {LostFacts{TooIdle: true, Failed: true}, GoneAnswered},
		"unread":                           {with(moves, func(f *LostFacts) { f.Opaque = true }), GoneUnread},
		"it has said why":                  {LostFacts{Failed: true}, GoneAnswered},
	} {
		got := Lost(&c.f)
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if got.Flees() != (c.f.Outlives() && !c.f.Quit && !c.f.Over && !c.f.Condemned) {
			t.Errorf("%s: %s does not fit Outlives", name, got)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		f    RefusedFacts
		want RefusedAction
	}{
		"cannot move":                   {RefusedFacts{GoingAway: true, Elsewhere: true, RunAgain: true}, Pass},
		"going, and it reads":           {RefusedFacts{CanMove: true, GoingAway: true, Elsewhere: true, RunAgain: true}, SendElse},
		"going, and it is asked":        {RefusedFacts{CanMove: true, GoingAway: true, Elsewhere: true, RunAgain: true, Ping: true}, AnswerPing},
		"asked, and there is no other":  {RefusedFacts{CanMove: true, GoingAway: true, RunAgain: true, Ping: true}, Pass},
		"asked, and it cannot move":     {RefusedFacts{GoingAway: true, Elsewhere: true, RunAgain: true, Ping: true}, Pass},
		"asked, and killed by somebody": {RefusedFacts{CanMove: true, GoingAway: true, Killed: true, Elsewhere: true, RunAgain: true, Ping: true}, Pass},
		"going, and it writes":          {RefusedFacts{CanMove: true, GoingAway: true, Elsewhere: true}, Pass},
		"going, and there is no other":  {RefusedFacts{CanMove: true, GoingAway: true, RunAgain: true}, Pass},
		"killed by somebody":            {RefusedFacts{CanMove: true, GoingAway: true, Killed: true, Elsewhere: true, RunAgain: true}, Pass},
		"no leader":                     {RefusedFacts{CanMove: true, Leaderless: true, Unsettled: true, Sole: true}, AwaitLeader},
		"no leader, in quiet times":     {RefusedFacts{CanMove: true, Leaderless: true, Sole: true}, Pass},
		"no leader, for too long":       {RefusedFacts{CanMove: true, Leaderless: true, Unsettled: true, Sole: true, Tired: true}, Pass},
		"no leader, dry run":            {RefusedFacts{CanMove: true, Leaderless: true, Unsettled: true, Sole: true, DryRun: true}, PassDryRun},
		"no leader, others wait":        {RefusedFacts{CanMove: true, Leaderless: true, Unsettled: true, Sole: true, Full: true}, PassFull},
		"no leader, several statements": {RefusedFacts{CanMove: true, Leaderless: true, Unsettled: true}, Pass},
	} {
		if got := Refused(&c.f); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestWaited(t *testing.T) {
	for name, c := range map[string]struct {
		f    WaitedFacts
		want WaitedAction
	}{
		"for a move":             {WaitedFacts{Late: true, Excess: true}, GoOn},
		"for a backend":          {WaitedFacts{Held: true}, GoOn},
		"for too long":           {WaitedFacts{Held: true, Late: true}, RefuseLate},
		"behind another one":     {WaitedFacts{Held: true, Late: true, Behind: true}, GoOn},
		"one too many":           {WaitedFacts{Held: true, Excess: true}, RefuseExcess},
		"dry run":                {WaitedFacts{Held: true, DryRun: true}, RefuseDryRun},
		"long data":              {WaitedFacts{Held: true, Silent: true, Late: true}, GoOn},
		"long data for too long": {WaitedFacts{Held: true, Silent: true, Expired: true}, RefuseLongData},
	} {
		if got := Waited(&c.f); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Whatever the facts, no decision panics, each has a name, and what must never happen does not.
func FuzzDecisions(f *testing.F) {
	f.Add(uint64(0), uint64(0))
	f.Add(^uint64(0), ^uint64(0))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		bit := func() (set bool) { set = a&1 != 0; a = a>>1 | b<<63; b >>= 1; return set }
		c := CommandFacts{
			bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(),
			Departing{bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit()},
		}
		switch action := Command(&c); {
		case action.String() == "":
			t.Error("an action without a name")
		case c.Between && action == Forward:
			t.Error("a command is sent on though the session stands on no backend")
		case c.Debt && c.Data && c.Silent && !c.Quit && !c.Headless && action == Forward && !c.Again:
			t.Error("data for an execution that is refused are sent on")
		case c.Debt && action == RefuseMoved && !c.Again:
			t.Error("a debt is forgotten")
		}
		l := LostFacts{
			Ties{bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit()},
			bit(), bit(), bit(), int(a & 3), bit(), bit(), bit(), bit(), bit(), bit(), bit(), time.Duration(a), time.Duration(b & 0xff),
		}
		switch action := Lost(&l); {
		case action == FleeLater && (l.Outstanding > 0 || l.Waiting):
			t.Error("a statement is left waiting")
		case action == FleeAgain && (l.Outstanding != 1 || l.Answered || !l.RunAgain):
			t.Error("a statement runs twice")
		case action.Flees() && (l.Condemned || l.Opaque || l.Denied || l.MidCommand):
			t.Error("a session goes on that must not")
		}
		r := RefusedFacts{bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit(), bit()}
		if action := Refused(&r); (action == SendElse || action == AnswerPing) && !r.RunAgain {
			t.Error("a statement runs twice")
		}
	})
}

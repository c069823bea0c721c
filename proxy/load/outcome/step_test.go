package outcome

import "testing"

// Steps of transactions as they go.
func TestNextStep(t *testing.T) {
	type s = struct {
		e    Event
		sent Sent
		want Action
	}
	all := Everything
	for name, c := range map[string]struct {
		f     StepFacts
		steps []s
	}{
		"begin goes well":                          {StepFacts{Step: Begin, Asks: true}, []s{{Started, 0, AskFrontend}, {Redirected, 0, TryNode}, {Loaded, all, Pass}}},
		"begin's answer is lost, and it has begun": {StepFacts{Step: Begin, Asks: true}, []s{{NodeLost, all, AskLabel}, {StateOpen, all, Cancel}, {Cancelled, all, AskLabel}, {StateAborted, all, AskFrontend}, {Loaded, all, Pass}}},
		"begin's answer is lost, and it has not":   {StepFacts{Step: Begin, Asks: true}, []s{{NodeLost, all, AskLabel}, {StateUnknown, all, AskFrontend}, {Redirected, 0, TryNode}, {Loaded, all, Pass}}},
		"begin comes late":                         {StepFacts{Step: Begin, Asks: true}, []s{{NodeLost, all, AskLabel}, {StateUnknown, all, AskFrontend}, {ExistsRunning, all, Cancel}, {Cancelled, all, AskLabel}, {StateAborted, all, AskFrontend}}},
		"begin on a node that died":                {StepFacts{Step: Begin, Asks: true, Dead: true}, []s{{NodeLost, all, AskLabel}, {StateOpen, all, Cancel}, {Cancelled, all, AskLabel}, {StateAborted, all, AskFrontend}}},
		"begin of a label in use":                  {StepFacts{Step: Begin, Asks: true}, []s{{ExistsRunning, all, Pass}}},
		"rows before the first byte":               {StepFacts{Step: TxnLoad, Asks: true}, []s{{Continue, 0, Stream}, {NodeLost, 0, AskFrontend}}},
		"rows in part: the transaction is ended":   {StepFacts{Step: TxnLoad, Asks: true}, []s{{NodeLost, Part, Cancel}, {Cancelled, Part, AskLabel}, {StateAborted, Part, AnswerNothing}}},
		"rows whole, and no leader":                {StepFacts{Step: TxnLoad, Asks: true}, []s{{NodeLost, all, Cancel}, {Cancelled, all, AskLabel}, {StateLost, all, AskLabel}, {OutOfTime, all, AnswerUnknown}}},
		"prepare's answer is lost, prepared":       {StepFacts{Step: Prepare, Asks: true}, []s{{NodeLost, all, AskLabel}, {StatePrepared, all, AnswerDone}}},
		"prepare's answer is lost, still at it":    {StepFacts{Step: Prepare, Asks: true}, []s{{NodeLost, all, AskLabel}, {StateOpen, all, AskFrontend}, {Busy, all, AskLabel}, {StatePrepared, all, AnswerDone}}},
		"prepare on a node that died":              {StepFacts{Step: Prepare, Asks: true, Dead: true}, []s{{NodeLost, all, AskLabel}, {StateOpen, all, Cancel}, {Cancelled, all, AskLabel}, {StateAborted, all, AnswerNothing}}},
		"commit's answer is lost, committed":       {StepFacts{Step: Commit, Asks: true}, []s{{FrontendLost, all, AskLabel}, {StateLost, all, AskLabel}, {StateCommitted, all, AnswerDone}}},
		"commit's answer is lost, not yet":         {StepFacts{Step: Commit, Asks: true}, []s{{FrontendLost, all, AskLabel}, {StatePrepared, all, AskFrontend}, {Loaded, all, Pass}}},
		"commit's answer is lost, and forgotten":   {StepFacts{Step: Commit, Asks: true}, []s{{FrontendLost, all, AskLabel}, {StateUnknown, all, AnswerUnknown}}},
		"commit of what is not there":              {StepFacts{Step: Commit, Asks: true}, []s{{NotFound, all, Pass}}},
		"commit was never sent":                    {StepFacts{Step: Commit, Asks: true}, []s{{FrontendLost, 0, AskFrontend}, {NoFrontend, 0, AnswerUntouched}}},
		"rows of which nothing was sent":           {StepFacts{Step: TxnLoad, Asks: true}, []s{{Unreachable, 0, AskFrontend}, {NoNode, 0, AnswerUntouched}}},
		"two loads at a time":                      {StepFacts{Step: TxnLoad, Asks: true}, []s{{Busy, 0, Pass}}},
		"rows of many tables, not known before":    {StepFacts{Step: TxnLoad, Asks: true, Multi: true}, []s{{NodeLost, Part, Cancel}, {Cancelled, Part, AskLabel}, {StateUnknown, Part, AnswerUnknown}}},
		"begin of many tables, begun":              {StepFacts{Step: Begin, Asks: true, Multi: true}, []s{{NodeLost, all, AskLabel}, {StateUnknown, all, AskFrontend}, {ExistsBegun, all, AnswerDone}}},
		"commit again while the first is at it":    {StepFacts{Step: Commit, Asks: true}, []s{{FrontendLost, all, AskLabel}, {StatePrepared, all, AskFrontend}, {Failed, all, AskLabel}, {StateCommitted, all, AnswerDone}}},
		"commit of many tables":                    {StepFacts{Step: Commit, Asks: true, Multi: true}, []s{{FrontendLost, all, AskLabel}, {StateUnknown, all, AskFrontend}, {Failed, all, AskLabel}, {StateUnknown, all, AnswerUnknown}}},
		"commit again, aborted":                    {StepFacts{Step: Commit, Asks: true}, []s{{FrontendLost, all, AskLabel}, {StatePrepared, all, AskFrontend}, {Failed, all, AskLabel}, {StateAborted, all, Pass}}},
		"rollback's answer is lost":                {StepFacts{Step: Rollback, Asks: true}, []s{{FrontendLost, all, AskLabel}, {StateAborted, all, AnswerDone}}},
		"rollback of what is committed":            {StepFacts{Step: Rollback, Asks: true}, []s{{FrontendLost, all, AskLabel}, {StateCommitted, all, AskFrontend}, {Failed, all, Pass}}},
		"Doris' commit by its id, done before":     {StepFacts{Step: CommitTwoPhase}, []s{{NodeLost, all, AskFrontend}, {Already, all, AnswerDone}}},
		"Doris' commit by its id, done by others":  {StepFacts{Step: CommitTwoPhase}, []s{{Already, all, Pass}}},
		"Doris' commit by its id, and no answer":   {StepFacts{Step: CommitTwoPhase}, []s{{NodeLost, all, AskFrontend}, {NoNode, 0, AnswerUnknown}}},
	} {
		f := c.f
		for i, st := range c.steps {
			f.Sent, f.Dead = st.sent, c.f.Dead
			var a Action
			if f, a = NextStep(f, st.e); a != st.want {
				t.Errorf("%s: step %d, event %d: action %d, want %d", name, i, st.e, a, st.want)
				break
			}
		}
	}
}

// Rows are never sent into a transaction a second time, done is said on the leader's or node's word alone, and once time is over it ends.
func TestEveryStep(t *testing.T) {
	type at struct {
		f StepFacts
		a Action
	}
	seen := map[at]bool{}
	var visit func(at)
	visit = func(n at) {
		if seen[n] || n.a.Final() || t.Failed() {
			return
		}
		seen[n] = true
		if _, a := NextStep(n.f, OutOfTime); !a.Final() {
			t.Fatalf("%+v: time is over, and action %d", n.f, a)
		}
		for e := range events_ {
			for _, sent := range []Sent{Nothing, Part, Everything} {
				f := n.f
				if f.Sent = max(f.Sent, sent); n.a == AskFrontend { // the edge begins anew
					f.Sent = sent
				}
				g, a := NextStep(f, e)
				switch {
				case f.Step == TxnLoad && f.Sent != Nothing && (e == NodeLost || e == FrontendLost) && (a == AskFrontend || a == TryNode):
					t.Fatalf("%+v, event %d: rows are sent again", f, e)
				case a == AnswerDone && e != Already && e != ExistsBegun && (e < StateUnknown || e > StateAborted):
					t.Fatalf("%+v, event %d: done is said", f, e)
				case a == AnswerDone && (f.Step == Commit || f.Step == CommitTwoPhase) && e != StateCommitted && e != StateVisible && e != Already:
					t.Fatalf("%+v, event %d: committed is said", f, e)
				case a == AnswerUntouched && f.tried:
					t.Fatalf("%+v, event %d: nothing is said to be done after an attempt", f, e)
				case a == AnswerNothing && e != StateAborted && (e != StateUnknown || f.Step != TxnLoad || f.Multi):
					t.Fatalf("%+v, event %d: it is said to be aborted", f, e)
				}
				visit(at{g, a})
			}
		}
	}
	for s := range AbortTwoPhase + 1 {
		for _, asks := range []bool{false, true} {
			for _, dead := range []bool{false, true} {
				for _, multi := range []bool{false, true} {
					f, a := NextStep(StepFacts{Step: s, Asks: asks, Dead: dead, Multi: multi}, Started)
					visit(at{f, a})
				}
			}
		}
	}
	t.Logf("%d states", len(seen))
}

func TestStepAnswers(t *testing.T) {
	for _, c := range []struct {
		step Step
		sent Sent
		body string
		want Event
	}{
		{Begin, Everything, `{"Status":"OK","Message":"","Label":"l","TxnId":5}`, Loaded},
		{Begin, Everything, `{"Status":"LABEL_ALREADY_EXISTS","ExistingJobStatus":"","Message":""}`, ExistsRunning},
		{Begin, Everything, `{"Status":"THRIFT_RPC_ERROR","Message":"Rpc error: FE RPC failure"}`, NodeLost},
		{TxnLoad, Nothing, `{"Status":"SERVICE_UNAVAILABLE","Message":"Service is shutting down"}`, Leaving},
		{TxnLoad, Nothing, `{"Status":"TXN_NOT_EXISTS","Message":"Transaction with label l not exists"}`, NotFound},
		{Prepare, Everything, `{"Status":"TXN_IN_PROCESSING","Label":"l","Message":""}`, Busy},
		{Commit, Everything, `{"Status":"FAILED","Message":"class com.starrocks.common.StarRocksException: No transaction found with db[a] and label[l]"}`, NotFound},
		{Commit, Everything, `{"Status":"OK","Message":"Transaction 5 has already committed, label is l","TxnId":5}`, Loaded},
		{Commit, Everything, `{"Status":"FAILED","Message":"Can not commit ABORTED transaction 5, label is l"}`, Failed},
		{CommitTwoPhase, Everything, `{"status":"Success","msg":"transaction [18036] commit successfully."}`, Loaded},
		{CommitTwoPhase, Everything, `{"status":"ANALYSIS_ERROR","msg":"transaction [18036] is already visible, not pre-committed."}`, Already},
		{AbortTwoPhase, Everything, `{"status":"INTERNAL_ERROR","msg":"transaction [18036] is already aborted"}`, Already},
	} {
		if got := ReadAnswer(200, []byte(c.body)).StepEvent(StepFacts{Step: c.step, Sent: c.sent}); got != c.want {
			t.Errorf("step %d: %s: event %d, want %d", c.step, c.body, got, c.want)
		}
	}
}

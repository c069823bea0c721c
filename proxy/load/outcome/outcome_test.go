package outcome

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// Loads as they go, event by event.
func TestNext(t *testing.T) {
	type s = struct {
		e    Event
		set  func(*Facts)
		want Action
	}
	sent := func(much Sent) func(*Facts) { return func(f *Facts) { f.Sent = much } }
	kept := func(much Sent) func(*Facts) { return func(f *Facts) { f.Sent, f.Kept = much, true } }
	taken := []s{{Started, nil, AskFrontend}, {Redirected, nil, TryNode}, {Continue, nil, Stream}} // up to the body
	for name, c := range map[string]struct {
		label Label
		steps []s
	}{
		"goes well": {Ours, append(taken[:3:3], s{Loaded, kept(Everything), Pass})},
		"FEs and nodes that are not there": {Theirs, []s{
			{Started, nil, AskFrontend}, {FrontendLost, nil, AskFrontend}, {Redirected, nil, TryNode}, {Unreachable, nil, AskFrontend}, {Redirected, nil, TryNode}, {Leaving, nil, AskFrontend}, {NoFrontend, nil, AnswerNothing},
		}},
		"node lost in mid body, kept, a label of Segue's": {Ours, append(taken[:3:3], s{NodeLost, kept(Part), SendFresh}, s{Redirected, nil, TryNode})},
		"node lost in mid body, not kept":                 {Ours, append(taken[:3:3], s{NodeLost, sent(Part), AnswerNothing})},
		"node lost in mid body, kept, the client's label: it is freed first": {Theirs, append(taken[:3:3],
			s{NodeLost, kept(Part), AskLabel}, s{StateOpen, nil, Cancel}, s{Cancelled, nil, AskLabel}, s{StateAborted, nil, SendAgain})},
		"node lost in mid body, not kept, the client's label: freed for it": {Theirs, append(taken[:3:3],
			s{NodeLost, sent(Part), AskLabel}, s{StateOpen, nil, Cancel}, s{Cancelled, nil, AskLabel}, s{StateLost, nil, AskLabel}, s{StateAborted, nil, AnswerNothing})},
		"node lost in mid body, the client's label, and no leader": {Theirs, append(taken[:3:3], s{NodeLost, sent(Part), AskLabel}, s{OutOfTime, nil, AnswerNothing})},
		"a label of Segue's is used up: by itself":                 {Ours, []s{{Started, nil, AskFrontend}, {Redirected, nil, TryNode}, {ExistsFinished, nil, AnswerLoaded}}},
		"the leader that did not know the label was yesterday's": {Ours, append(taken[:3:3],
			s{NodeLost, kept(Everything), AskLabel}, s{StateUnknown, nil, AskWitness}, s{WitnessKnown, nil, SendAgain}, s{Redirected, nil, TryNode}, s{ExistsRunning, nil, AskLabel}, s{StateCommitted, nil, AnswerLoaded})},
		"no right to ask": {Theirs, append(append(taken[:3:3], s{NodeLost, kept(Everything), AskLabel}), append(slices.Repeat([]s{{StateRefused, nil, AskLabel}}, mostRefused-1),
			append([]s{{StateRefused, nil, Cancel}, {Cancelled, nil, AskLabel}}, append(slices.Repeat([]s{{StateRefused, nil, AskLabel}}, mostRefused-1), s{StateRefused, nil, AnswerUnknown})...)...)...)},
		"the node has given up, and its transaction stays open": {Theirs, append(taken[:3:3], s{Doubtful, kept(Everything), AskLabel}, s{StateOpen, nil, AskLabel}, s{StateOpen, nil, AskLabel},
			s{StateOpen, nil, Cancel}, s{Cancelled, nil, AskLabel}, s{StateAborted, nil, SendAgain})},
		"the node does not know, it is aborted, and the body is gone: its own words": {Theirs, append(taken[:3:3], s{Doubtful, sent(Everything), AskLabel}, s{StateAborted, nil, Pass})},
		"group commit, in part":           {NoLabel, append(taken[:3:3], s{NodeLost, func(f *Facts) { f.Sent, f.Kept, f.Prefix = Part, true, true }, AnswerUnknown})},
		"group commit, before its body":   {NoLabel, append(taken[:3:3], s{NodeLost, func(f *Facts) { f.Kept, f.Prefix = true, true }, SendAgain})},
		"the label may have been dropped": {Theirs, append(taken[:3:3], s{NodeLost, func(f *Facts) { f.Sent, f.Kept, f.Drops = Everything, true, true }, AskLabel}, s{StateUnknown, nil, AnswerUnknown})},
		"answer lost, committed":          {Theirs, append(taken[:3:3], s{NodeLost, sent(Everything), AskLabel}, s{StateOpen, nil, AskLabel}, s{StateCommitted, nil, AnswerLoaded})},
		"answer lost through an election, forgotten by the next leader, which knows older ones": {Ours, append(taken[:3:3],
			s{NodeLost, kept(Everything), AskLabel}, s{StateLost, nil, AskLabel}, s{StateUnknown, nil, AskWitness}, s{WitnessKnown, nil, SendAgain})},
		"answer lost, forgotten, and nobody older known": {Ours, append(taken[:3:3],
			s{NodeLost, kept(Everything), AskLabel}, s{StateUnknown, nil, AskWitness}, s{WitnessUnknown, nil, AnswerUnknown})},
		"answer lost, node dead: it will not commit, so it is cancelled": {Theirs, append(taken[:3:3],
			s{NodeLost, kept(Everything), AskLabel}, s{StateOpen, func(f *Facts) { f.Dead = true }, Cancel}, s{Cancelled, nil, AskLabel}, s{StateAborted, nil, SendAgain})},
		"answer lost, and it takes too long: cancelled, but it had committed": {Theirs, append(taken[:3:3],
			s{NodeLost, kept(Everything), AskLabel}, s{StateOpen, nil, AskLabel}, s{OutOfTime, nil, Cancel}, s{Cancelled, nil, AskLabel}, s{StateCommitted, nil, AnswerLoaded})},
		"answer lost, and no leader": {Theirs, append(taken[:3:3],
			s{NodeLost, kept(Everything), AskLabel}, s{StateLost, nil, AskLabel}, s{OutOfTime, nil, Cancel}, s{Cancelled, nil, AskLabel}, s{OutOfTime, nil, AnswerUnknown})},
		"answer lost, no label":  {NoLabel, append(taken[:3:3], s{NodeLost, kept(Everything), AnswerUnknown})},
		"the node does not know": {Theirs, append(taken[:3:3], s{Doubtful, sent(Everything), AskLabel}, s{StateCommitted, nil, AnswerLoaded})},
		"the label is of a lost attempt of its own": {Theirs, []s{
			{Started, nil, AskFrontend}, {Redirected, nil, TryNode}, {NodeLost, nil, SendAgain}, {Redirected, nil, TryNode}, {ExistsRunning, nil, AskLabel}, {StateAborted, nil, SendAgain},
		}},
		"the label is another's": {Theirs, []s{{Started, nil, AskFrontend}, {Redirected, nil, TryNode}, {ExistsRunning, nil, Pass}}},
		"the label is used up":   {Theirs, []s{{Started, nil, AskFrontend}, {Redirected, nil, TryNode}, {ExistsFinished, nil, Pass}}},
		"rows are wrong":         {Ours, append(taken[:3:3], s{Failed, kept(Everything), Pass})},
		"no more than three times from memory": {Ours, append(taken[:3:3],
			s{NodeLost, kept(Part), SendFresh}, s{NodeLost, kept(Part), SendFresh}, s{NodeLost, kept(Part), SendFresh}, s{NodeLost, kept(Part), AnswerNothing})},
		"two phases, pre-committed, and its number lost": {Theirs, append(taken[:3:3], s{NodeLost, func(f *Facts) { f.Sent, f.Kept, f.Precommitted = Everything, true, true }, AskLabel}, s{StatePrepared, nil, AnswerNothing})},
	} {
		t.Run(name, func(t *testing.T) {
			f := Facts{Label: c.label}
			for i, st := range c.steps {
				if st.set != nil {
					st.set(&f)
				}
				var a Action
				if f, a = Next(f, st.e); a != st.want {
					t.Fatalf("step %d, event %d: action %d, want %d", i, st.e, a, st.want)
				}
			}
		})
	}
}

// What nodes and FEs really write.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		code int
		body string
		sent Sent
		want Event
	}{
		{200, `{"TxnId":1,"Label":"l","Status":"Success","Message":"OK","NumberTotalRows":3}`, Everything, Loaded},
		{200, `{"TxnId":1,"Label":"l","Status":"Publish Timeout","Message":"publish timeout"}`, Everything, Loaded},
		{200, `{"TxnId":-1,"Label":"l","Status":"Label Already Exists","ExistingJobStatus":"FINISHED","Message":"Label [l] has already been used."}`, Nothing, ExistsFinished},
		{200, `{"TxnId":-1,"Label":"l","Status":"Label Already Exists","ExistingJobStatus":"RUNNING","Message":"Label [l] has already been used."}`, Nothing, ExistsRunning},
		{200, `{"Status":"Fail","Message":"too many filtered rows","ErrorURL":"http://be:8040/api/_load_error_log?file=x"}`, Everything, Failed},
		{200, `{"Status":"Fail","Message":"Commit transaction fail cause Rpc error: FE RPC failure, Transaction status unknown, you can retry with same label."}`, Everything, Doubtful},
		{200, `{"Status":"Fail","Message":"transaction is aborted: coordinate BE is down"}`, Everything, Doubtful},
		{200, `{"Status":"Fail","Message":"Service is shutting down, please retry later!"}`, Nothing, Leaving},
		{200, `{"Status":"Fail","Message":"Rpc error: FE RPC failure, address=TNetworkAddress(hostname=127.0.0.1, port=9020), reason=THRIFT_EAGAIN"}`, Nothing, Leaving},
		{200, `{"Status":"Fail","Message":"Unknown table"}`, Nothing, Failed},
		{200, `{"Status":"Fail","Message":"unknown table thrift_eagain"}`, Nothing, Failed},
		{200, `{"Status":"Fail","Message":"Table 'connection refused' is not there"}`, Nothing, Failed},
		{200, `{"Status":"Fail","Label":"rpc error","Message":"label rpc error is no label"}`, Nothing, Failed},
		{200, `{"Status":"Fail","Message":"column [timeout] has no default"}`, Everything, Failed},
		{200, `{"Status":"Fail","Message":"too many filtered rows: value thrift timeout"}`, Everything, Failed},
		{200, `{"Status":"Fail","Message":"doesn't reach the leader: connection refused"}`, Nothing, Leaving},
		{200, `{"Status":"Fail","Message":"[THRIFT_RPC_ERROR]failed to call frontend service"}`, Nothing, Leaving},
		{200, `{"Status":"Fail","Message":"Have not get FE Master heartbeat yet"}`, Nothing, Leaving},
		{200, `{"Status":"PUBLISH_TIMEOUT","Message":""}`, Everything, Loaded},
		{401, `Unauthorized`, Nothing, Failed},
		{502, `<html>`, Nothing, Leaving},
		{504, `<html>`, Everything, Doubtful},
		{200, `{"Status":"Suc`, Everything, Doubtful},
	} {
		if got := ReadAnswer(c.code, []byte(c.body)).Event(c.sent); got != c.want {
			t.Errorf("%d %s after %d: event %d, want %d", c.code, c.body, c.sent, got, c.want)
		}
	}
	for body, want := range map[string]Event{
		`{"status":"FAILED","msg":"No backend alive."}`:                                              FrontendLost,
		`{"Status":"FAILED","Message":"class com.starrocks.common.DdlException: No backend alive."}`: FrontendLost,
		`{"status":"FAILED","msg":"Access denied for root@10.0.0.1"}`:                                Failed,
		`{"Status":"FAILED","Message":"unknown database"}`:                                           Failed,
	} {
		if got := ReadAnswer(200, []byte(body)).FrontendEvent(); got != want {
			t.Errorf("%s: event %d, want %d", body, got, want)
		}
	}
	for body, want := range map[string]Event{
		`{"status":"OK","code":"0","msg":"Success","message":"OK","state":"VISIBLE"}`: StateVisible,
		`{"status":"OK","state":"COMMITTED"}`:                                         StateCommitted,
		`{"status":"OK","state":"PREPARE"}`:                                           StateOpen,
		`{"status":"OK","state":"PREPARED"}`:                                          StatePrepared,
		`{"msg":"success","code":0,"data":"PRECOMMITTED","count":0}`:                  StatePrepared,
		`{"msg":"success","code":0,"data":"ABORTED","count":0}`:                       StateAborted,
		`{"status":"OK","state":"UNKNOWN","reason":null}`:                             StateUnknown,
		`{"msg":"Error","code":1,"data":"unknown database","count":0}`:                StateRefused,
		`{"status":"FAILED","msg":"unknown database"}`:                                StateRefused,
		`{}`: StateRefused, `x`: StateLost, ``: StateLost,
	} {
		if got := ReadState(200, []byte(body)); got != want {
			t.Errorf("%s: event %d, want %d", body, got, want)
		}
	}
	if ReadState(503, []byte(`{"state":"UNKNOWN"}`)) != StateLost {
		t.Error("an error of HTTP says nothing of a label")
	}
}

// What clients do with an answer hangs on its words: see Say.
func TestSay(t *testing.T) {
	unretryable := func(message string) bool { // ErrorUtils of the SDK
		return strings.Contains(strings.ToLower(message), "current running txns on db")
	}
	for _, told := range []Told{
		{Database: "sales", Label: "l-1", Cause: `node 10.0.0.7:8040 was lost: "reset"`},
		{Database: "sales", Cause: "x"},
		{Database: "sales", Label: "l-1", Cause: "x", Step: true},
		{Database: "sales", Label: "l-1", Cause: "x", Step: true, Rows: true},
	} {
		for _, c := range []struct {
			a       Action
			status  string
			outcome string
			again   bool // the SDK may send it again, under another label
		}{
			{AnswerLoaded, "Success", "loaded", true},
			{AnswerExists, "Label Already Exists", "exists", true},
			{AnswerNothing, "Fail", "nothing", !told.Rows},
			{AnswerUnknown, "Fail", "unknown", false},
		} {
			r := Say(c.a, told)
			var got map[string]any
			if err := json.Unmarshal(r.Body, &got); err != nil || r.Code != 200 {
				t.Fatalf("%d: %s: %v", r.Code, r.Body, err)
			}
			message, _ := got["Message"].(string)
			if got["Status"] != c.status || got["Outcome"] != c.outcome || got["Label"] != told.Label || unretryable(message) == c.again || !strings.Contains(message, told.Cause) {
				t.Errorf("action %d of %+v: %s", c.a, told, r.Body)
			}
			if e := ReadAnswer(r.Code, r.Body).Event(Nothing); c.a == AnswerLoaded && e != Loaded || c.a == AnswerExists && e != ExistsFinished || c.a == AnswerNothing && e != Failed {
				t.Errorf("action %d reads as event %d: %s", c.a, e, r.Body)
			}
		}
	}
	if got := string(Say(AnswerDone, Told{Step: true, Label: "l"}).Body); !strings.Contains(got, `"Status":"OK"`) {
		t.Errorf("a step that is done: %s", got)
	}
}

// Whatever is written, it is read without harm, and never as a success that is not written there.
func FuzzReadAnswer(f *testing.F) {
	f.Add(200, []byte(`{"TxnId":1,"Label":"l","Status":"Success","Message":"OK"}`), uint8(2))
	f.Add(200, []byte(`{"TxnId":"x","status":"FAILED","msg":"No backend alive."}`), uint8(0))
	f.Add(200, []byte(`{"status":"OK","state":"VISIBLE","data":{}}`), uint8(1))
	f.Fuzz(func(t *testing.T, code int, body []byte, sent uint8) {
		a := ReadAnswer(code, body)
		var own map[string]any
		_ = json.Unmarshal(body, &own)
		success := false
		for name, value := range own {
			word, _ := value.(string)
			success = success || strings.EqualFold(name, "status") && slices.Contains([]string{"success", "ok", "publish timeout", "publish_timeout"}, strings.ToLower(word))
		}
		if e := a.Event(Sent(sent % 3)); e == Loaded && (code != 200 || !success) {
			t.Errorf("%d %q reads as loaded", code, body)
		}
		a.FrontendEvent()
		a.StepEvent(StepFacts{Step: Step(sent % 7)})
		if e := ReadState(code, body); (e == StateCommitted || e == StateVisible) && code != 200 {
			t.Errorf("%d %q reads as committed", code, body)
		}
	})
}

// Whatever events come, also such as cannot: no success without the leader's or the node's word, and no more bodies than may be.
func FuzzNext(f *testing.F) {
	f.Add(uint8(1), []byte{0, 1, 6, 8 + 128, 18, 21})
	f.Add(uint8(2), []byte{0, 1, 6, 7, 14 + 64})
	f.Fuzz(func(t *testing.T, label uint8, events []byte) {
		facts := Facts{Label: Label(label % 3), Kept: label&4 != 0, Precommitted: label&8 != 0}
		again := 0
		for _, b := range events {
			e := Event(b % uint8(events_))
			facts.Sent = Sent(b >> 6 % 3)
			var a Action
			facts, a = Next(facts, e)
			if (a == AnswerLoaded) && e != StateCommitted && e != StateVisible && e != ExistsFinished {
				t.Fatalf("event %d: success", e)
			}
			if (a == SendAgain || a == SendFresh) && b>>6%3 != 0 {
				if again++; !facts.Kept || again > mostAgain {
					t.Fatalf("event %d: sent again %d times, kept %v", e, again, facts.Kept)
				}
			}
			if a.Final() {
				return
			}
		}
	})
}

package health

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

func TestJudgeBody(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       Verdict
		said       string
	}{
		{"StarRocks", `{"online_backend_num":3,"total_backend_num":3,"status":"OK"}`, Passed, ""},
		{"StarRocks, other status", `{"status":"FAILED","msg":"x"}`, Leaving, "status FAILED"},
		{"Doris", `{"msg":"success","code":0,"data":{"online_backend_num":3},"count":0}`, Passed, ""},
		{"Doris leaving", `{"msg":"Server is not ready","code":503,"data":null}`, Leaving, "not ready"},
		{"Doris, other code", `{"msg":"Bad things","code":500}`, Leaving, "code 500 Bad things"},
		{"Doris BE leaving", `{"status":"Server is not available","msg":"x"}`, Leaving, "not available"},
		{"Doris wants a login", `{"msg":"Unauthorized","code":401}`, Misconfigured, "code 401 Unauthorized"},
		{"TiDB", `{"connections":0,"version":"8.0.11-TiDB-v8.5.0","git_hash":"x","status":{"init_stats_percentage":100}}`, Passed, ""},
		{"text that says so", "SERVER NOT READY\n", Leaving, "not ready"},
		{"a word of one's own", `{"status":"up"}`, Passed, ""},
		{"a code of one's own", `{"code":200}`, Passed, ""},
		{"code as text", `{"code":"E1"}`, Passed, ""},
		{"empty", "", Passed, ""},
		{"HTML", "<html>fine</html>", Passed, ""},
		{"cut off", `{"status":"FAIL`, Passed, ""},
		{"cut off later", `{"status":"DOWN","components":{"db":{"st`, Leaving, "status DOWN"},
		{"behind a byte order mark", "\xef\xbb\xbf" + `{"status":"DOWN"}`, Leaving, "status DOWN"},
		{"well behind a byte order mark", "\xef\xbb\xbf" + `{"status":"UP"}`, Passed, ""},
		{"behind a byte order mark, as text", "\xef\xbb\xbf Server is not ready\r\n", Leaving, "not ready"},
		{"with something behind it", `{"status":"DOWN"}` + "\n-- end --", Leaving, "status DOWN"},
		{"given twice", `{"status":"UP","status":"DOWN"}`, Leaving, "status DOWN"},
		{"spaces around it", `{"status":" up "}`, Passed, ""},
		{"of something else", `{"status":"OK","replication":"not available","note":"backups are not ready"}`, Passed, ""},
		{"deeper", `{"status":"UP","components":{"disk":{"status":"DOWN","msg":"not ready"}}}`, Passed, ""},
		{"a member that is called so", `{"not ready":0,"status":"OK"}`, Passed, ""},
		{"a message on something else", `{"code":0,"msg":"0 tablets not ready"}`, Passed, ""},
		{"a page on something else", "2 of 3 nodes up, 1 not ready", Passed, ""},
		{"Doris, in data", `{"msg":"success","code":0,"data":"Server is not available, please retry"}`, Leaving, "not available"},
		{"a truth", `{"status":false}`, Leaving, "status false"},
		{"a code in quotes", `{"code":"503","msg":"stopping"}`, Leaving, "code 503 stopping"},
		{"an array", `["status"]`, Passed, ""},
		{"null", `null`, Passed, ""},
	} {
		if v, said := judgeBody([]byte(c.body)); v != c.want || said != c.said {
			t.Errorf("%s: %v %q, want %v %q", c.name, v, said, c.want, c.said)
		}
	}
}

func TestJudgeBootstrap(t *testing.T) {
	for _, c := range []struct {
		body string
		want Verdict
		said string
	}{
		{`{"replayedJournalId":0,"queryPort":0,"status":"OK","msg":"Success"}`, Passed, ""},
		{`{"status":"FAILED","msg":"not ready"}`, Failed, "not ready"},
		{`{"status":"FAILED","msg":"invalid parameter"}`, Passed, ""},
		{`{"status":7}`, Passed, ""},
		{`<html>`, Passed, ""},
		{``, Passed, ""},
	} {
		if v, said := judgeBootstrap([]byte(c.body)); v != c.want || said != c.said {
			t.Errorf("%s: %v %q, want %v %q", c.body, v, said, c.want, c.said)
		}
	}
}

func FuzzHealthBody(f *testing.F) {
	for _, seed := range []string{
		`{"status":"OK"}`, `{"msg":"Server is not ready","code":503}`, `{"code":1e400}`, `{"status":{"status":"x"}}`, "\xff", "", "\xef\xbb\xbf" + `{"status":"DOWN"}`, `{"replication":"not available"}`, `{"status":"DOWN","x":`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		v, said := judgeBody(body)
		if v == Failed || (v == Passed) != (said == "") {
			t.Errorf("%v %q", v, said)
		}
		marked := append([]byte("\xef\xbb\xbf"), body...)
		if !bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
			if w, _ := judgeBody(marked); w != v {
				t.Errorf("%v, and %v behind a byte order mark", v, w)
			}
		}
		// Whatever stands in a member that is not known, or deeper than the first level, changes nothing.
		text, err := json.Marshal(string(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, around := range []string{`{"replication":%s,"status":"OK"}`, `{"status":"OK","checks":{"status":%s,"msg":%[1]s,"code":503}}`} {
			if w, said := judgeBody(fmt.Appendf(nil, around, text)); w != Passed {
				t.Errorf("%v %q for %s", w, said, around)
			}
		}
	})
}

func FuzzBootstrapBody(f *testing.F) {
	f.Add([]byte(`{"status":"FAILED","msg":"not ready"}`))
	f.Add([]byte(`{"status":null,"msg":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if v, said := judgeBootstrap(body); v != Passed && v != Failed || v == Passed && said != "" {
			t.Errorf("%v %q", v, said)
		}
	})
}

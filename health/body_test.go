package health

import (
	"strings"
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
		`{"status":"OK"}`, `{"msg":"Server is not ready","code":503}`, `{"code":1e400}`, `{"status":{"status":"x"}}`, "\xff", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		v, said := judgeBody(body)
		if v == Failed || (v == Passed) != (said == "") {
			t.Errorf("%v %q", v, said)
		}
		if strings.Contains(string(body), "not ready") && v != Leaving {
			t.Errorf("%v, though it is not ready", v)
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

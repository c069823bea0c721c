package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
)

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		flavor Flavor
		line   string
		header http.Header
		want   Request
	}{
		{StarRocks, "PUT /api/sales/orders/_stream_load", nil, Request{Kind: Load, Database: "sales", Table: "orders", Streams: true, AddLabel: true, Resolves: true, Repeat: ByLabel}},
		{Doris, "PUT /api/sales/orders/_stream_load/", headers("label", "l"), Request{Kind: Load, OffMode: true, Database: "sales", Table: "orders", Label: "l", Streams: true, Resolves: true, Repeat: ByLabel}},
		{StarRocks, "PUT /api/d%2Fb/t/_stream_load?x=1", headers("warehouse", "w"), Request{Kind: Load, Database: "d/b", Table: "t", Warehouse: "w", Streams: true, AddLabel: true, Resolves: true, Repeat: ByLabel}},
		{StarRocks, "PUT /api/a/t/_stream_load", headers("enable_merge_commit", "true", "label", "request"), Request{Kind: Load, Database: "a", Table: "t", Label: "request", Merged: true, Leader: true, Streams: true}},
		{StarRocks, "PUT /api/a/t/_stream_load", headers("enable_merge_commit", "false"), Request{Kind: Load, Database: "a", Table: "t", Streams: true, AddLabel: true, Resolves: true, Repeat: ByLabel}},
		{Doris, "PUT /api/a/t/_stream_load", headers("group_commit", "async_mode"), Request{Kind: Load, Database: "a", Table: "t", Merged: true, Prefix: true, Streams: true}},
		{Doris, "PUT /api/a/t/_stream_load", headers("group_commit", "off_mode"), Request{Kind: Load, Database: "a", Table: "t", Streams: true, AddLabel: true, Resolves: true, Repeat: ByLabel}},
		{Doris, "PUT /api/a/t/_stream_load", headers("two_phase_commit", "true", "label", "l"), Request{Kind: Load, Database: "a", Table: "t", Label: "l", TwoPhase: true, Streams: true, Resolves: true, Repeat: ByLabel}},
		{Doris, "PUT /api/a/t/_stream_load", headers("two_phase_commit", "True", "label", "l"), Request{Kind: Load, OffMode: true, Database: "a", Table: "t", Label: "l", Streams: true, Resolves: true, Repeat: ByLabel}},
		{StarRocks, "PUT /api/transaction/load", headers("db", "a", "table", "t", "label", "l", "channel_id", "0", "channel_num", "2"), Request{Kind: TxnLoad, Database: "a", Table: "t", Label: "l", Channel: true, Leader: true, Streams: true}},
		{Doris, "PUT /api/_http_stream", headers("sql", "INSERT INTO `a`.t (x) select c1 from http_stream(\"format\"=\"csv\")"), Request{Kind: Load, OffMode: true, Database: "a", Table: "t", Streams: true, AddLabel: true, Resolves: true, Repeat: ByLabel}},
		{Doris, "PUT /api/_http_stream", headers("sql", "insert into cat.a.t select 1"), Request{Kind: Load, OffMode: true, Streams: true}},
		{StarRocks, "PUT /api/_http_stream", nil, Request{}},
		{Doris, "PUT /api/a/t/_load?label=l&sub_label=2", nil, Request{Kind: Load, Database: "a", Table: "t", Label: "l", Leader: true, Streams: true}},
		{StarRocks, "POST /api/transaction/begin", headers("db", "a", "table", "t", "label", "l"), Request{Kind: Begin, Database: "a", Table: "t", Label: "l", Leader: true, Resolves: true, Repeat: ByLabel}},
		{StarRocks, "PUT /api/transaction/load", headers("db", "a", "table", "t", "label", "l", "transaction_type", "multi"), Request{Kind: TxnLoad, Database: "a", Table: "t", Label: "l", Multi: true, Leader: true, Streams: true, Resolves: true, Repeat: ByLabel}},
		{StarRocks, "POST /api/transaction/commit", headers("db", "a"), Request{Kind: Commit, Database: "a", Leader: true}},
		{StarRocks, "POST /api/transaction/list", nil, Request{}},
		{StarRocks, "GET /api/transaction/begin", nil, Request{Repeat: Always}},
		{Doris, "PUT /api/a/_stream_load_2pc", headers("txn_id", "7", "txn_operation", "commit"), Request{Kind: TwoPhase, Database: "a", TxnID: "7", Repeat: ByLabel}},
		{Doris, "PUT /api/a/t/_stream_load_2pc", headers("label", "l", "txn_operation", "abort"), Request{Kind: TwoPhase, Database: "a", Table: "t", Label: "l", Abort: true, Resolves: true, Repeat: ByLabel}},
		{StarRocks, "GET /api/a/get_load_state?label=l%20", nil, Request{Kind: State, Database: "a", Label: "l ", Leader: true, Repeat: Always}},
		{StarRocks, "GET /api/_load_error_log?file=x%2Fy&segue_node=be%3A8040", nil, Request{Kind: ErrorLog, URI: "/api/_load_error_log?file=x%2Fy", Node: "be:8040", Repeat: Always}},
		{StarRocks, "GET /api/_load_error_log?file=x", nil, Request{Kind: ErrorLog, Repeat: Always}},
		{StarRocks, "GET /api/show_meta_info", nil, Request{Repeat: Always}},
		{StarRocks, "POST /api/a/l/_cancel", nil, Request{}},
		{Doris, "GET /rest/v2/manager/node/frontends", nil, Request{Repeat: Always}},
		{StarRocks, "GET /api/50%25/..x/_count", nil, Request{Repeat: Always}},
	} {
		method, target, _ := strings.Cut(c.line, " ")
		if c.want.URI == "" {
			c.want.URI = target
		}
		got, err := Parse(c.flavor, method, target, c.header)
		if err != nil || got != c.want {
			t.Errorf("%s %v:\n got %+v, %v\nwant %+v", c.line, c.header, got, err, c.want)
		}
	}
	for line, header := range map[string]http.Header{
		"PUT /api/a/t/_stream_load":      headers("label", "one", "label", "two"),
		"POST /api/transaction/begin":    headers("db", "a", "db", "b"),
		"PUT /api/a/%zz/_stream_load":    nil,
		"PUT /api/a/%2e%2e/_stream_load": nil,
		"PUT api":                        nil,
		"PUT http://x/api":               nil,
		"GET /api/_load_error_log?segue_node=a:1&segue_node=b:2&file=x": nil,
	} {
		method, target, _ := strings.Cut(line, " ")
		if r, err := Parse(StarRocks, method, target, header); err == nil {
			t.Errorf("%s %v: %+v", line, header, r)
		}
	}
}

// What FEs have for one another without a password is not to be had through Segue, whatever it is written like.
func TestNotRelayed(t *testing.T) {
	for _, target := range []string{
		"/", "/image?version=1&subdir=", "/put?version=1&port=8030", "/info", "/role", "/journal_id", "/check", "/dump", "/version", "/metrics", "/api", "/api/", "/api?/api/x", "/%61pi/../image",
		"/API/x", "/image/api/x", "/image;/api/x", "/api;x/image", "/rest/v1/login", "/rest", "/apix/y", "/%2fimage",
	} {
		r, err := Parse(StarRocks, http.MethodGet, target, nil)
		if strings.Contains(target, "..") {
			if err == nil {
				t.Errorf("%s: %+v", target, r)
			}
			continue
		}
		if _, not := errors.AsType[*NotServedError](err); !not {
			t.Errorf("%s: %+v, %v", target, r, err)
		}
	}
	for _, target := range []string{
		"/api/../image", "/api/%2e%2e/image", "/api/.%2E/image", "/api/%252e%252e/image", "/api/%25252e./image", "/api/..;/image", "/api/..;a=b/image", "/api/%2e%2e%3b/image", "/api/..%2fimage",
		"/api/..%5cimage", "/api/x%2f..%2f../image", "/api/./x", "/api/a/..", "/api/%2525252525252e%2525252525252e/image",
	} {
		for _, flavor := range []Flavor{StarRocks, Doris} {
			if r, err := Parse(flavor, http.MethodGet, target, nil); err == nil {
				t.Errorf("%s: %+v", target, r)
			}
		}
	}
}

func TestRedirect(t *testing.T) {
	k := Known{
		Nodes: []string{"10.0.0.1:8040", "be-0.be:8040", "[fd00::1]:8040"}, Frontends: []string{"fe-0:8030"}, Allowed: []string{"10.9.9.9", "extra:80"},
		Addresses: map[string]string{"be-0.be": "127.0.0.1:31040", "be-1.be": "192.168.0.1", "be-1.be:9": "far:1", "v6": "fd00::2"},
	}
	for location, want := range map[string]Target{
		"http://10.0.0.1:8040/api/a/t/_stream_load?x=1": {Name: "10.0.0.1:8040", Address: "10.0.0.1:8040", URI: "/api/a/t/_stream_load?x=1"},
		"http://root:secret@10.0.0.1:8040/api/a%20b/t":  {Name: "10.0.0.1:8040", Address: "10.0.0.1:8040", URI: "/api/a%20b/t"},
		"http://BE-0.be:8040/":                          {Name: "BE-0.be:8040", Address: "127.0.0.1:31040", URI: "/"},
		"http://be-1.be:8040/":                          {Name: "be-1.be:8040", Address: "192.168.0.1:8040", URI: "/"},
		"http://be-1.be:9/":                             {Name: "be-1.be:9", Address: "far:1", URI: "/"},
		"http://v6:8040/":                               {Name: "v6:8040", Address: "[fd00::2]:8040", URI: "/"},
		"https://fe-0:8030/api/transaction/begin":       {Name: "fe-0:8030", Address: "fe-0:8030", URI: "/api/transaction/begin", TLS: true, Frontend: true},
		"http://[fd00::1]:8040/x":                       {Name: "[fd00::1]:8040", Address: "[fd00::1]:8040", URI: "/x"},
		"http://10.9.9.9:1/x":                           {Name: "10.9.9.9:1", Address: "10.9.9.9:1", URI: "/x"},
		"http://extra/x":                                {Name: "extra:80", Address: "extra:80", URI: "/x"},
	} {
		if got, err := k.Redirect(location); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", location, got, err, want)
		}
	}
	for _, location := range []string{
		"http://evil:8040/api", "http://10.0.0.1:8041/", "http://10.0.0.1:8040@evil/", "ftp://10.0.0.1:8040/", "/api/a", "", "http://", "http:10.0.0.1:8040", "//10.0.0.1:8040/",
		"http://10.0.0.1:8040\r\nx: y/", "http://169.254.169.254/latest", "http://be-0.be.evil:8040/", "http://[::1]:8040/", "http://u:p@evil/",
	} {
		got, err := k.Redirect(location)
		var stranger *StrangerError
		switch {
		case err == nil:
			t.Errorf("%q is followed: %+v", location, got)
		case strings.Contains(err.Error(), "u:p"):
			t.Errorf("a password is told: %v", err)
		case strings.Contains(location, "evil:8040/api") && (!errors.As(err, &stranger) || stranger.Name != "evil:8040" || !strings.Contains(err.Error(), "load.nodes: [evil]")):
			t.Errorf("%q: %v", location, err)
		}
	}
	if got, err := (Known{Allowed: []string{"*"}}).Redirect("http://any:1/x"); err != nil || got.Address != "any:1" {
		t.Errorf("*: %+v, %v", got, err)
	}
	for _, name := range []string{"", ":1", "be", "be:", "be:x", "be:123456", "a b:1", "a/b:1"} {
		if got, err := (Known{Allowed: []string{"*"}}).Reach(name); err == nil {
			t.Errorf("%q: %+v", name, got)
		}
	}
}

// An ErrorURL leads through Segue, and from there to its BE again.
func TestErrorURL(t *testing.T) {
	body := []byte(`{ "Status": "Fail",  "ErrorURL" : "http://be-0:8040/api/_load_error_log?file=__shard_0/error_log_1", "Message":"\u00e9 http://be-0:8040/" }` + "\n")
	got := RewriteErrorURL(body, "http://127.0.0.1:8030")
	want := `{ "Status": "Fail",  "ErrorURL" : "http://127.0.0.1:8030/api/_load_error_log?file=__shard_0/error_log_1&segue_node=be-0%3A8040", "Message":"\u00e9 http://be-0:8040/" }` + "\n"
	if string(got) != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	var fields struct{ ErrorURL string }
	if err := json.Unmarshal(got, &fields); err != nil {
		t.Fatal(err)
	}
	r, err := Parse(StarRocks, "GET", strings.TrimPrefix(fields.ErrorURL, "http://127.0.0.1:8030"), nil)
	if err != nil || r.Kind != ErrorLog || r.Node != "be-0:8040" || r.URI != "/api/_load_error_log?file=__shard_0/error_log_1" {
		t.Errorf("%+v, %v", r, err)
	}
	for _, body := range []string{
		``, `x`, `[]`, `{"Status":"Success"}`, `{"ErrorURL":""}`, `{"ErrorURL":5}`, `{"ErrorURL":"http://be/other?file=x"}`, `{"ErrorURL":"ftp://be/api/_load_error_log?file=x"}`,
		`{"a":{"ErrorURL":"http://be:1/api/_load_error_log?file=x"}}`, `{"ErrorURL":"http://be:1/api/_load_error_log?file=x`, `{"ErrorURL":"http://be:1/api/_load_error_log"}`,
	} {
		if got := RewriteErrorURL([]byte(body), "http://s"); string(got) != body {
			t.Errorf("%s → %s", body, got)
		}
	}
}

// A client may have logs read of nodes alone, at the port that is known of them.
func TestLog(t *testing.T) {
	k := Known{
		Nodes: []string{"10.0.0.1:8040"}, Frontends: []string{"10.0.0.9:8030"}, Allowed: []string{"*", "10.0.0.2", "10.0.0.3:8040"}, Addresses: map[string]string{"be-0": "10.0.0.4", "be-1:8040": "10.0.0.5:1"},
	}
	for name, want := range map[string]string{
		"10.0.0.1:8040": "10.0.0.1:8040", "10.0.0.3:8040": "10.0.0.3:8040", "be-1:8040": "10.0.0.5:1",
		"10.0.0.1:22": "", "10.0.0.2:8040": "", "169.254.169.254:80": "", "be-0:22": "", "10.0.0.9:8030": "", "x": "",
	} {
		if got, err := k.Log(name); got.Address != want || (err == nil) != (want != "") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	k = Known{Frontends: []string{"192.168.0.1:8030"}, Addresses: map[string]string{"fe-0": "192.168.0.1"}}
	if got, err := k.Redirect("http://fe-0:8030/x"); err != nil || !got.Frontend {
		t.Errorf("an FE that is reached by a map: %+v, %v", got, err)
	}
}

func TestURIs(t *testing.T) {
	if got := StateURI("a/b", "l&x"); got != "/api/a%2Fb/get_load_state?label=l%26x" {
		t.Error(got)
	}
	if m, u := CancelRequest(StarRocks, "a", "l"); m != "POST" || u != "/api/a/l/_cancel" {
		t.Error(m, u)
	}
	if m, u := CancelRequest(Doris, "a", "l"); m != "POST" || u != "/api/a/_cancel?label=l" {
		t.Error(m, u)
	}
	if l := NewLabel([16]byte{1, 255}); l != "segue_01ff0000000000000000000000000000" {
		t.Error(l)
	}
}

// Whatever comes: no panic, what is sent on has no line's end, and what is followed is known.
func FuzzParse(f *testing.F) {
	f.Add(true, "PUT", "/api/a/t/_stream_load?x", "l", "insert into a.t")
	f.Add(false, "GET", "/api/_load_error_log?file=x&segue_node=a:1", "", "")
	f.Fuzz(func(t *testing.T, doris bool, method, target, label, sql string) {
		flavor := StarRocks
		if doris {
			flavor = Doris
		}
		r, err := Parse(flavor, method, target, headers("label", label, "sql", sql, "db", sql))
		if err != nil {
			return
		}
		if r.Kind != ErrorLog && r.URI != target || len(r.URI) > len(target) {
			t.Errorf("%q is sent on as %q", target, r.URI)
		}
		if r.AddLabel && (r.Label != "" || r.Merged || r.Database == "") || r.Resolves && r.Repeat != ByLabel {
			t.Errorf("%q: %+v", target, r)
		}
		_ = r.Kind.String()
	})
}

func FuzzRedirect(f *testing.F) {
	f.Add("http://u:p@be:8040/api?x", []byte(`{"ErrorURL":"http://be:1/api/_load_error_log?file=x"}`))
	f.Fuzz(func(t *testing.T, location string, body []byte) {
		k := Known{Nodes: []string{"be:8040"}, Addresses: map[string]string{"far": "127.0.0.1:1"}}
		if got, err := k.Redirect(location); err == nil && got.Address != "be:8040" && got.Address != "127.0.0.1:1" && !strings.EqualFold(got.Address, "be:8040") {
			t.Errorf("%q is followed to %+v", location, got)
		} else if err == nil && (!strings.HasPrefix(got.URI, "/") && !strings.HasPrefix(got.URI, "?") || strings.ContainsAny(got.URI, "\r\n \x00")) {
			t.Errorf("%q: %+v", location, got)
		}
		if out := RewriteErrorURL(body, "http://s"); !bytes.Equal(out, body) && json.Valid(body) && !json.Valid(out) {
			t.Errorf("%q is no JSON any more: %q", body, out)
		}
	})
}

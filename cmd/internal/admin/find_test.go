package admin

import (
	"maps"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/discover/nodes"
	proxy "segue/proxy"
)

func TestFind(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC) }
	list := []Session{
		{SessionInfo: proxy.SessionInfo{ID: 21, User: "App", Backend: "fe-1", State: "idle", Since: at(9)}},
		{SessionInfo: proxy.SessionInfo{ID: 22, User: "app", Backend: "fe-2", State: "pinned", Pinned: "transaction", Since: at(8), Moves: 2}},
		{SessionInfo: proxy.SessionInfo{ID: 23, User: "etl", Client: "192.0.2.7:1", Backend: "fe-2", State: "busy", Pinned: "lock", PinnedSince: at(2), Since: at(9)}},
		{SessionInfo: proxy.SessionInfo{ID: 24, User: "etl", State: "detached", Since: at(1), Moves: 5}},
	}
	for _, c := range []struct {
		query    string
		matching int
		ids      string
	}{
		{"", 4, "21 22 23 24"},
		{"order=id", 4, "21 22 23 24"},
		{"limit=2", 4, "21 22"},
		{"text=APP", 2, "21 22"},
		{"text=192.0.2", 1, "23"},
		{"text=3", 1, "23"},
		{"text=lock", 1, "23"},
		{"backend=fe-2", 2, "22 23"},
		{"backend=fe", 0, ""},
		{"state=detached", 1, "24"},
		{"pinned=any", 2, "22 23"},
		{"pinned=lock&backend=fe-1", 0, ""},
		{"pinned=transaction", 1, "22"},
		{"order=since", 4, "24 22 21 23"},
		{"order=pinned", 4, "23 22 24 21"},
		{"order=moves&limit=1", 4, "24"},
	} {
		f, err := parseFilter(c.query)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		found := f.find(list)
		var ids []string
		for _, s := range found.Sessions {
			ids = append(ids, strconv.Itoa(int(s.ID)))
		}
		if got := strings.Join(ids, " "); got != c.ids || found.Matching != c.matching || found.Total != 4 {
			t.Errorf("%s: %s, %d of %d match; want %s, %d", c.query, got, found.Matching, found.Total, c.ids, c.matching)
		}
	}
	all := Filter{Backend: "fe-2"}.find(list)
	if !maps.Equal(all.States, map[string]int{"pinned": 1, "busy": 1}) || !maps.Equal(all.Pinned, map[string]int{"transaction": 1, "lock": 1}) {
		t.Errorf("%v, %v", all.States, all.Pinned)
	}
	for _, wrong := range []string{"limit=0", "limit=1001", "limit=x", "order=up", "who=me", "text=a&text=b", "%", "a;b"} {
		if _, err := parseFilter(wrong); err == nil || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestFindByTheAPI(t *testing.T) {
	s := serve(t)
	found, err := get[Found](t.Context(), s.client, "/api/v1/sessions/find?backend=fe-1")
	if err != nil || found.Total != 2 || found.Matching != 1 || found.Sessions[0].ID != 2 {
		t.Errorf("%+v, %v", found, err)
	}
	if code, body, _ := s.request(t, "GET", "/api/v1/sessions/find?order="+url.QueryEscape("\x1b[2J"), nil); code != 400 || !strings.Contains(body, "none of id") {
		t.Errorf("%d %s", code, body)
	}
}

// What a cluster says of a backend is told, and read again.
func TestBackendOfACluster(t *testing.T) {
	s := serve(t)
	s.registry.Apply([]backend.Spec{{Name: "fe-1", Address: "192.0.2.1:9030", Role: nodes.Leader, Version: "3.5.2", Zone: "eu-1a"}})
	list, err := s.client.Backends(t.Context())
	if err != nil || len(list) != 1 || list[0].Role != "leader" || list[0].Version != "3.5.2" || list[0].Zone != "eu-1a" {
		t.Errorf("%+v, %v", list, err)
	}
}

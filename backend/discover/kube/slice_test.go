package kube

import (
	"encoding/json"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// pod makes an endpoint of a slice: conditions are some of "ready", "serving", "terminating", each with "!" before it for false.
func pod(name, uid, ip string, conditions ...string) string {
	parts := make([]string, len(conditions))
	for i, c := range conditions {
		parts[i] = fmt.Sprintf("%q:%t", strings.TrimPrefix(c, "!"), !strings.HasPrefix(c, "!"))
	}
	return fmt.Sprintf(`{"addresses":[%q],"conditions":{%s},"nodeName":"node-1","zone":"zone-1","targetRef":{"kind":"Pod","name":%q,"uid":%q}}`,
		ip, strings.Join(parts, ","), name, uid)
}

func slice(family, ports string, endpoints ...string) string {
	return fmt.Sprintf(`{"metadata":{"name":"s"},"addressType":%q,"ports":[%s],"endpoints":[%s]}`, family, ports, strings.Join(endpoints, ","))
}

const queryPort = `{"name":"http","port":8030},{"name":"query","port":9030}`

func TestMerge(t *testing.T) {
	tests := []struct {
		name   string
		slices []string
		port   string
		want   string // name uid addresses, "L" for leaving, "R" for ready; zone and node
		err    string
	}{
		{"none", nil, "query", "", ""},
		{"empty", []string{slice("IPv4", queryPort)}, "query", "", ""},
		{"ready", []string{slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1", "ready", "serving", "!terminating"))}, "query", "fe-0 u0 [10.0.0.1:9030] R zone-1 node-1", ""},
		{"by number", []string{slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1", "ready"))}, "4000", "fe-0 u0 [10.0.0.1:4000] R zone-1 node-1", ""},
		{"nothing known", []string{slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1"))}, "query", "fe-0 u0 [10.0.0.1:9030] R zone-1 node-1", ""},
		{"not ready", []string{slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1", "!ready", "!serving", "!terminating"))}, "query", "fe-0 u0 [10.0.0.1:9030] zone-1 node-1", ""},
		{"terminating", []string{slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1", "!ready", "serving", "terminating"))}, "query", "fe-0 u0 [10.0.0.1:9030] L R zone-1 node-1", ""},
		{"terminating and published all the same", []string{slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1", "ready", "!serving", "terminating"))}, "query", "fe-0 u0 [10.0.0.1:9030] L zone-1 node-1", ""},
		{
			"several slices",
			[]string{slice("IPv4", queryPort, pod("fe-1", "u1", "10.0.0.2")), slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1"))},
			"query",
			"fe-0 u0 [10.0.0.1:9030] R zone-1 node-1; fe-1 u1 [10.0.0.2:9030] R zone-1 node-1", "",
		},
		{
			"moved between slices: leaving stays",
			[]string{slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1", "serving", "terminating")), slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1", "ready"))},
			"query",
			"fe-0 u0 [10.0.0.1:9030] L R zone-1 node-1", "",
		},
		{
			"replaced",
			[]string{slice("IPv4", queryPort, pod("fe-0", "u9", "10.0.0.1", "serving", "terminating"), pod("fe-0", "u1", "10.0.0.7", "!ready"))},
			"query",
			"fe-0 u1 [10.0.0.7:9030] zone-1 node-1", "",
		},
		{
			"dual stack",
			[]string{slice("IPv6", queryPort, pod("fe-0", "u0", "fd00::1")), slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1"))},
			"query",
			"fe-0 u0 [10.0.0.1:9030 [fd00::1]:9030] R zone-1 node-1", "",
		},
		{"names", []string{slice("FQDN", queryPort, `{"addresses":["db.example"]}`)}, "query", "db.example  [db.example:9030] R  ", ""},
		{"no pod", []string{slice("IPv4", queryPort, `{"addresses":["10.0.0.1","10.0.0.2"],"targetRef":{"kind":"Node","name":"n"}}`)}, "query", "10.0.0.1  [10.0.0.1:9030] R  ", ""},
		{"no address", []string{slice("IPv4", queryPort, `{"addresses":[]}`, `{}`, `{"addresses":["none"]}`, `{"addresses":["fe80::1%eth0"]}`)}, "query", "", ""},
		{"one port", []string{slice("IPv4", `{"port":9030}`, pod("fe-0", "u0", "10.0.0.1"))}, "", "fe-0 u0 [10.0.0.1:9030] R zone-1 node-1", ""},
		{"which port", []string{slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1"))}, "", "", `["http" "query"]`},
		{"no such port", []string{slice("IPv4", `{"name":"http","port":8030},{"port":1}`, pod("fe-0", "u0", "10.0.0.1"))}, "query", "", `["1" "http"]`},
		{"no port", []string{slice("IPv4", `{"name":"query"}`, pod("fe-0", "u0", "10.0.0.1"))}, "query", "", "find port"},
		{"number out of range", []string{slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1"))}, "70000", "", "find port"},
		{
			"only some slices have the port",
			[]string{slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1")), slice("IPv4", `{"name":"http","port":8030}`, pod("fe-1", "u1", "10.0.0.2"))},
			"query",
			"fe-0 u0 [10.0.0.1:9030] R zone-1 node-1", "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // in either order
				got, err := mergeTexts(tt.slices, tt.port)
				if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
					t.Errorf("Merge: error %v, want one with %q", err, tt.err)
				}
				if text := describe(got); text != tt.want {
					t.Errorf("Merge: %q, want %q", text, tt.want)
				}
				slices.Reverse(tt.slices)
			}
		})
	}
}

func TestMergeHTTP(t *testing.T) {
	for port, want := range map[string]string{"http": "10.0.0.1:8030", "8031": "10.0.0.1:8031", "": "", "other": ""} {
		s := Slice{}
		if err := json.Unmarshal([]byte(slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1"))), &s); err != nil {
			t.Fatal(err)
		}
		got, err := Merge([]Slice{s}, "query", port)
		if err != nil || len(got) != 1 || got[0].HTTP != want {
			t.Errorf("Merge with HTTP port %q: %+v, %v, want %q", port, got, err, want)
		}
	}
}

func mergeTexts(texts []string, port string) ([]Endpoint, error) {
	objects := make([]json.RawMessage, len(texts))
	for i, text := range texts {
		objects[i] = json.RawMessage(text)
	}
	list, err := ParseSlices(objects)
	if err != nil {
		return nil, err
	}
	return Merge(list, port, "http")
}

func describe(list []Endpoint) string {
	var all []string
	for _, e := range list {
		flags := ""
		if e.Leaving {
			flags += " L"
		}
		if e.Ready {
			flags += " R"
		}
		if host, _, _ := net.SplitHostPort(e.Addresses[0]); e.HTTP != "" && e.HTTP != net.JoinHostPort(host, "8030") {
			flags += " " + e.HTTP
		}
		all = append(all, fmt.Sprintf("%s %s %v%s %s %s", e.Name, e.UID, e.Addresses, flags, e.Zone, e.Node))
	}
	return strings.Join(all, "; ")
}

// FuzzMerge: endpoints are unique, ordered, have an address, and do not depend on the order of slices and endpoints.
func FuzzMerge(f *testing.F) {
	a := pod("fe-0", "u0", "10.0.0.1", "serving", "terminating")
	f.Add("["+slice("IPv4", queryPort, a, pod("fe-0", "u1", "10.0.0.1"))+","+slice("IPv6", queryPort, pod("fe-0", "u0", "fd00::1"))+"]", "query")
	f.Add("["+slice("IPv4", queryPort, pod("fe-0", "u2", "10.0.0.1"), pod("fe-0", "u1", "10.0.0.2"))+","+slice("IPv4", queryPort, pod("fe-0", "u2", "10.0.0.3", "terminating"))+"]", "9030")
	f.Fuzz(func(t *testing.T, text, port string) {
		var list []Slice
		if json.Unmarshal([]byte(text), &list) != nil {
			return
		}
		got, err := Merge(list, port, "http")
		slices.Reverse(list)
		for i := range list {
			slices.Reverse(list[i].Endpoints)
		}
		again, errAgain := Merge(list, port, "http")
		if (err == nil) != (errAgain == nil) || !reflect.DeepEqual(got, again) {
			t.Fatalf("Merge: %v (%v), the other way round %v (%v)", got, err, again, errAgain)
		}
		for i, e := range got {
			if i > 0 && got[i-1].Name >= e.Name {
				t.Fatalf("Merge: %q behind %q", e.Name, got[i-1].Name)
			}
			if len(e.Addresses) == 0 {
				t.Fatalf("Merge: %q has no address", e.Name)
			}
			for _, address := range e.Addresses {
				if _, _, err := net.SplitHostPort(address); err != nil {
					t.Fatalf("Merge: %v", err)
				}
			}
		}
	})
}

package main

import (
	"strings"
	"testing"

	"segue/backend/fesim"
)

// What a shell asks for is told by the program itself; proxy/e2e has the shells.
func TestCompletes(t *testing.T) {
	t.Parallel()
	s := serve(t, nil, "--config", configFile(t, configuration(frontends(t, 2, fesim.Options{}), "")))
	s.ready()
	const noFiles, extensions, anyFile = ":4\n", ":8\n", ":0\n"
	for _, test := range []struct {
		args []string
		want string // the beginning
		ends string // of what is told: how the shell goes on
	}{
		{[]string{"drain", "--admin", s.api, ""}, "fe-1\tup, ready, 0 sessions\nfe-2\tup, ready, 0 sessions\n", noFiles},
		{[]string{"drain", "--admin", s.api, "fe-1", ""}, ":", noFiles},
		{[]string{"ready", "--admin", "127.0.0.1:1", ""}, ":", noFiles},
		{[]string{"status", "--admin", s.api, ""}, ":", noFiles},
		{[]string{"status", "--admin", ""}, ":", noFiles},
		{[]string{"status", "--token-file", ""}, ":", anyFile},
		{[]string{"status", "-o", ""}, "table\njson\n", noFiles},
		{[]string{"serve", "--config", ""}, "yaml\nyml\n", extensions},
		{[]string{"serve", "--flavor", ""}, "starrocks\ndoris\ntidb\nmysql\nmariadb\n", noFiles},
		{[]string{"serve", ""}, ":", noFiles},
		{[]string{"validate", ""}, "yaml\nyml\n", extensions},
		{[]string{"bench", "compare", ""}, "json\n", extensions},
		{[]string{"bench", "--out", ""}, ":", anyFile},
		{[]string{"bench", "--rate", ""}, ":", noFiles},
		{[]string{"sim", "fe", "--generation", ""}, "G2\nG3\nG4\n", noFiles},
	} {
		got := segue(t, nil, append([]string{"__complete"}, test.args...)...)
		if got.code != exitDone || !strings.HasPrefix(got.stdout, test.want) || !strings.HasSuffix(got.stdout, test.ends) {
			t.Errorf("%q: exit %d, %q, want %q and %q\n%s", test.args, got.code, got.stdout, test.want, test.ends, got.stderr)
		}
	}
}

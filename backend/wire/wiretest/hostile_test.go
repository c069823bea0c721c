package wiretest

import "testing"

func TestHostile(t *testing.T) {
	seen := map[string]bool{}
	n := 0
	for _, side := range []Side{Client, Server} {
		for _, s := range Hostile(t, side) {
			key := string(s.Side) + " " + string(s.Stage) + " " + s.Name
			if seen[key] {
				t.Errorf("%s: twice", key)
			}
			seen[key] = true
			n++
			if s.whole && len(s.Append(nil, 3)) != len(s.Payload())+4 {
				t.Errorf("%s: %d bytes of %d", key, len(s.Append(nil, 3)), len(s.Payload()))
			}
		}
	}
	if n < 150 {
		t.Errorf("%d, want 150", n)
	}
	for _, stage := range []Stage{Greeting, Verdict, Question, Answer} {
		Hostile(t, Server, stage)
	}
	for _, stage := range []Stage{Response, Proof, Command} {
		Hostile(t, Client, stage)
	}
}

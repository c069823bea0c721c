package track

import (
	"strconv"
	"strings"
	"time"
)

// WaitTimeout is for how long the session's server lets it be idle, if that is what a statement has set it to; 0: it is not known.
func (s *State) WaitTimeout() time.Duration {
	if s.held == nil {
		return 0
	}
	for i := range s.held.settings {
		x := &s.held.settings[i]
		if !strings.EqualFold(x.key.Value(), "@@session.wait_timeout") || x.text == (text{}) {
			continue
		}
		v := x.text.Value()
		n, err := strconv.ParseUint(strings.TrimSpace(v[strings.LastIndexByte(v, '=')+1:]), 10, 31)
		if err != nil {
			return 0
		}
		return time.Duration(n) * time.Second
	}
	return 0
}

package fesim

import (
	"slices"
	"strconv"
	"time"
)

// blacklistStatement parses ADD and DELETE {BACKEND | COMPUTE NODE} BLACKLIST id, … (from 3.3 on; of compute nodes from 4.0 on). Each FE has a list of its own, in
// memory: statements that it plans are not given to those nodes.
//
// https://docs.starrocks.io/docs/administration/management/BE_blacklist/
func (p *parser) blacklistStatement(stmt *statement, add bool) error {
	if !p.word("backend", "blacklist") && !p.word("compute", "node", "blacklist") {
		return p.unexpected()
	}
	var ids []int
	for {
		id, err := p.integer()
		if err != nil {
			return err
		}
		ids = append(ids, int(id))
		if !p.symbol(",") {
			break
		}
	}
	stmt.run = done(func(e *env) error {
		if !e.s.operator() {
			return denied("BLACKLIST")
		}
		return e.s.fe.blacklist(ids, add)
	})
	return nil
}

// blacklist puts nodes on the FE's list, or takes them off.
func (f *FE) blacklist(ids []int, add bool) error {
	c := f.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if !slices.ContainsFunc(c.bes, func(b *BE) bool { return b.id == id }) {
			return fail("Not found backend: %d", id)
		}
		list := c.avoided[f]
		if list == nil {
			list = map[int]time.Time{}
			c.avoided[f] = list
		}
		if delete(list, id); add {
			list[id] = time.Now()
		}
	}
	return nil
}

// showBlacklist has the columns of ShowBackendBlackList.
func showBlacklist(e *env) (*result, error) {
	if !e.s.operator() {
		return nil, denied("BLACKLIST")
	}
	c := e.s.fe.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	var rows [][]value
	for _, b := range c.bes {
		if at, ok := c.avoided[e.s.fe][b.id]; ok {
			rows = append(rows, []value{strconv.Itoa(b.id), "MANUAL", shownTime(at), "0", "5"})
		}
	}
	return table([]string{"BackendId", "AddBlackListType", "LostConnectionTime", "LostConnectionNumberInPeriod", "CheckTimePeriod(s)"}, rows...), nil
}

package fesim

import (
	"slices"
	"strconv"
	"time"

	"segue/backend"
)

// modifyBackend parses Doris' ALTER SYSTEM MODIFY BACKEND "id" SET ("disable_query" | "disable_load" = "true" | "false"), which is in the metadata: it holds for all FEs, and stays.
//
// https://doris.apache.org/docs/sql-manual/sql-statements/cluster-management/instance-management/MODIFY-BACKEND
func (p *parser) modifyBackend(stmt *statement) error {
	text, err := p.nameOrString()
	if err != nil {
		return err
	}
	id, _ := strconv.Atoi(text)
	if err := p.expectWord("set"); err != nil {
		return err
	}
	var parts []string
	for _, symbol := range []string{"(", "="} {
		if err := p.expect(symbol); err != nil {
			return err
		}
		part, err := p.nameOrString()
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	if err := p.expect(")"); err != nil {
		return err
	}
	if !slices.Contains([]string{"disable_query", "disable_load"}, parts[0]) || !slices.Contains([]string{"true", "false"}, parts[1]) {
		return p.unexpected()
	}
	stmt.run = done(func(e *env) error {
		switch {
		case !e.s.operator():
			return denied("NODE_PRIV")
		case e.s.fe.opts.Flavor != backend.Doris:
			return syntaxError(p.text, 0)
		}
		return e.s.fe.cluster.disable(id, parts[0], parts[1] == "true")
	})
	return nil
}

// disable has no new queries, or loads, planned on a BE.
func (c *Cluster) disable(id int, what string, disabled bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.ContainsFunc(c.bes, func(b *BE) bool { return b.id == id }) {
		return fail("backend does not exists[%d]", id)
	}
	list := c.disabled[id]
	if list == nil {
		list = map[string]time.Time{}
		c.disabled[id] = list
	}
	if delete(list, what); disabled {
		list[what] = time.Now()
	}
	return nil
}

package fesim

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// alterSystem parses ALTER SYSTEM CREATE IMAGE, and MODIFY BACKEND of Doris.
func (p *parser) alterSystem(stmt *statement) error {
	if p.word("modify", "backend") {
		return p.modifyBackend(stmt)
	}
	if err := p.expectWord("create", "image"); err != nil {
		return err
	}
	stmt.run = done(func(e *env) error {
		if !e.s.operator() {
			return denied("OPERATE")
		}
		if err := e.s.fe.cluster.awaitLeader(e.ctx); err != nil {
			return err
		}
		e.s.fe.cluster.CreateImage()
		return nil
	})
	return nil
}

// adminStatement parses ADMIN SHOW FRONTEND CONFIG [LIKE …], and ADMIN SET FRONTEND CONFIG, which it does not obey.
func (p *parser) adminStatement(stmt *statement) error {
	switch {
	case p.word("show", "frontend", "config"):
		return p.showFilter(stmt, showConfig)
	case p.word("set", "frontend", "config"):
		p.skip()
		stmt.run = done(func(e *env) error {
			if !e.s.operator() {
				return denied("OPERATE")
			}
			return nil
		})
		return nil
	}
	return p.unexpected()
}

// showConfig has the columns of ConfigBase.getConfigInfo.
func showConfig(e *env) (*result, error) {
	if !e.s.operator() {
		return nil, denied("OPERATE")
	}
	o := &e.s.fe.opts
	seconds := func(d float64) string { return strconv.Itoa(int(d)) }
	config := map[string][2]string{ // value and type
		"min_graceful_exit_time_second": {seconds(o.MinExit.Seconds()), "long"},
		"max_graceful_exit_time_second": {seconds(o.MaxExit.Seconds()), "long"},
		"heartbeat_retry_times":         {strconv.Itoa(o.HeartbeatRetries), "int"},
		"heartbeat_timeout_second":      {"5", "int"},
		"http_port":                     {portOf(e.s.fe.http), "int"},
		"query_port":                    {portOf(e.s.fe.mysql), "int"},
		"rpc_port":                      {"9020", "int"},
		"edit_log_port":                 {"9010", "int"},
		"qe_max_connection":             {strconv.Itoa(o.MaxConnections), "int"},
		"run_mode":                      {"shared_nothing", "String"},
		"mysql_server_version":          {o.ServerVersion, "String"},
		"enable_udf":                    {"false", "boolean"},
		"tablet_create_timeout_second":  {"10", "int"},
		"default_replication_num":       {"3", "short"},
		"meta_dir":                      {"/opt/starrocks/fe/meta", "String"},
		"edit_log_roll_num":             {"50000", "int"},
		"cluster_id":                    {"1", "int"},
		"enable_http_auth":              {"false", "boolean"},
	}
	var rows [][]value
	for _, name := range slices.Sorted(maps.Keys(config)) {
		mutable := !strings.HasSuffix(name, "_port") && name != "run_mode" && name != "meta_dir" && name != "cluster_id"
		rows = append(rows, []value{name, "[]", config[name][0], config[name][1], strconv.FormatBool(mutable), ""})
	}
	return table([]string{"Key", "AliasNames", "Value", "Type", "IsMutable", "Comment"}, rows...), nil
}

// beConfigs is information_schema.be_configs.
func beConfigs(e *env) [][]value {
	c := e.s.fe.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beats(time.Now())
	var rows [][]value
	for _, b := range c.bes {
		if !b.known.alive {
			continue // it does not answer
		}
		for _, name := range slices.Sorted(maps.Keys(beSettings)) {
			s := beSettings[name]
			rows = append(rows, []value{strconv.Itoa(b.id), name, b.settingLocked(name), s.kind, s.value, strconv.FormatBool(s.mutable)})
		}
	}
	return rows
}

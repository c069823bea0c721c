package fesim

// defaultVariables are the session variables and their defaults: those that drivers ask for, and those that a session of an FE carries.
// What is a number here takes numbers, ON, OFF, TRUE and FALSE.
var defaultVariables = map[string]value{
	"activate_all_roles_on_login":         int64(0),
	"auto_increment_increment":            int64(1),
	"autocommit":                          int64(1),
	"catalog":                             "default_catalog",
	"character_set_client":                "utf8",
	"character_set_connection":            "utf8",
	"character_set_database":              "utf8",
	"character_set_results":               "utf8",
	"character_set_server":                "utf8",
	"character_set_system":                "utf8",
	"collation_connection":                "utf8_general_ci",
	"collation_database":                  "utf8_general_ci",
	"collation_server":                    "utf8_general_ci",
	"custom_query_id":                     "",
	"default_storage_engine":              "olap",
	"enable_profile":                      int64(0),
	"exec_mem_limit":                      int64(2147483648),
	"foreign_key_checks":                  int64(1),
	"group_concat_max_len":                int64(1024),
	"have_query_cache":                    "NO",
	"have_ssl":                            "DISABLED",
	"hostname":                            "",
	"init_connect":                        "",
	"insert_timeout":                      int64(14400),
	"interactive_timeout":                 int64(3600),
	"language":                            "",
	"license":                             "Apache License 2.0",
	"lower_case_table_names":              int64(0),
	"max_allowed_packet":                  int64(33554432),
	"net_buffer_length":                   int64(16384),
	"net_read_timeout":                    int64(60),
	"net_write_timeout":                   int64(60),
	"parallel_fragment_exec_instance_num": int64(1),
	"performance_schema":                  int64(0),
	"pipeline_dop":                        int64(0),
	"profiling":                           int64(0),
	"protocol_version":                    int64(10),
	"query_cache_size":                    int64(1048576),
	"query_cache_type":                    int64(0),
	"query_mem_limit":                     int64(0),
	"query_timeout":                       int64(300),
	"resource_group":                      "",
	"session_track_gtids":                 "OFF",
	"session_track_schema":                int64(0),
	"session_track_state_change":          int64(0),
	"session_track_system_variables":      "",
	"session_track_transaction_info":      "OFF",
	"sql_auto_is_null":                    int64(0),
	"sql_big_selects":                     int64(1),
	"sql_mode":                            "ONLY_FULL_GROUP_BY",
	"sql_notes":                           int64(1),
	"sql_quote_show_create":               int64(1),
	"sql_safe_updates":                    int64(0),
	"sql_select_limit":                    int64(9223372036854775807),
	"storage_engine":                      "olap",
	"system_time_zone":                    "UTC",
	"time_zone":                           "UTC",
	"transaction_isolation":               "REPEATABLE-READ",
	"transaction_read_only":               int64(0),
	"tx_isolation":                        "REPEATABLE-READ",
	"tx_read_only":                        int64(0),
	"unique_checks":                       int64(1),
	"version":                             "",
	"version_comment":                     "",
	"wait_timeout":                        int64(28800),
	"warehouse":                           "default_warehouse",
}

// aliases are two names of one variable: setting one sets the other.
var aliases = map[string]string{
	"transaction_isolation": "tx_isolation", "tx_isolation": "transaction_isolation",
	"transaction_read_only": "tx_read_only", "tx_read_only": "transaction_read_only",
}

// switches are the variables that SHOW VARIABLES shows as true or false.
var switches = map[string]bool{
	"activate_all_roles_on_login": true, "autocommit": true, "enable_profile": true, "foreign_key_checks": true, "sql_auto_is_null": true,
	"sql_big_selects": true, "sql_notes": true, "sql_quote_show_create": true, "sql_safe_updates": true, "transaction_read_only": true, "tx_read_only": true,
	"unique_checks": true, "performance_schema": true,
}

// shownVariable is a variable's value in SHOW VARIABLES.
func shownVariable(name string, v value) string {
	if !switches[name] {
		return text(v)
	}
	if truth(v) {
		return "true"
	}
	return "false"
}

// variables are the session variables of one session; catalog and warehouse are among them. They hold only what differs from the defaults: a
// session that sets nothing costs next to nothing.
type variables struct {
	fe      *FE
	set     map[string]value // nil: none
	globals map[string]value // what SET GLOBAL had given when the session began; never changed
}

func (v *variables) get(name string) value {
	if set, ok := v.set[name]; ok {
		return set
	}
	if global, ok := v.globals[name]; ok {
		return global
	}
	switch name {
	case "hostname":
		return v.fe.opts.Name
	case "version":
		return v.fe.opts.ServerVersion
	case "version_comment":
		return "StarRocks version " + v.fe.current().version
	}
	return defaultVariables[name]
}

func (v *variables) put(name string, to value) {
	if v.set == nil {
		v.set = make(map[string]value)
	}
	v.set[name] = to
}

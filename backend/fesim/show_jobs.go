package fesim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// showLoad has the columns of LoadProcDir. Routine loads have a statement of their own.
func showLoad(e *env) (*result, error) {
	names := strings.Fields(`JobId Label State Progress Type Priority ScanRows FilteredRows UnselectedRows SinkRows EtlInfo TaskInfo ErrorMsg CreateTime
		EtlStartTime EtlFinishTime LoadStartTime LoadFinishTime TrackingSQL JobDetails Warehouse`)
	return e.jobTable(names, func(j *Job, state, reason, begun, ended string) []value {
		return []value{
			strconv.Itoa(j.id), j.opts.Label, state, progress(state), string(j.opts.Kind), "NORMAL", "0", "0", "0", "0", nil, "resource:N/A; timeout(s):14400; max_filter_ratio:0.0",
			reason, begun, begun, begun, begun, ended, nil, "{}", "default_warehouse",
		}
	}, BrokerLoad)
}

// showRoutineLoad has the columns of RoutineLoadJob.getShowInfo.
func showRoutineLoad(e *env) (*result, error) {
	names := strings.Fields(`Id Name CreateTime PauseTime EndTime DbName TableName State DataSourceType CurrentTaskNum JobProperties DataSourceProperties
		CustomProperties Statistic Progress TimestampProgress ReasonOfStateChanged ErrorLogUrls TrackingSQL OtherMsg LatestSourcePosition`)
	return e.jobTable(names, func(j *Job, state, reason, begun, ended string) []value {
		tasks := "1"
		if reason != "" {
			tasks = "0"
			reason = fmt.Sprintf("ErrorReason{errCode = 4, msg='%s'}", reason)
		}
		return []value{
			strconv.Itoa(j.id), j.opts.Label, begun, ended, "NULL", j.opts.DB, j.opts.Table, state, "KAFKA", tasks, "{}", "{}", "{}", "{}", "{}", "{}", reason, "", "", "", "{}",
		}
	}, RoutineLoad)
}

// showAlterTable has the columns of SchemaChangeProcDir.
func showAlterTable(e *env) (*result, error) {
	names := strings.Fields("JobId TableName CreateTime FinishTime IndexName IndexId OriginIndexId SchemaVersion TransactionId State Msg Progress Timeout")
	return e.jobTable(names, func(j *Job, state, reason, begun, ended string) []value {
		done := ""
		if state == "RUNNING" {
			done = "50%"
		}
		return []value{strconv.Itoa(j.id), j.opts.Table, begun, ended, j.opts.Table, "1", "1", "1:1", "1", state, reason, done, "86400"}
	}, SchemaChange)
}

// showOptimize and showRollup never have anything to tell.
var (
	showOptimize = empty("JobId", "TableName", "CreateTime", "FinishTime", "Operation", "TransactionId", "State", "Msg", "Progress", "Timeout")
	showRollup   = empty("JobId", "TableName", "CreateTime", "FinishTime", "BaseIndexName", "RollupIndexName", "RollupId", "TransactionId", "State", "Msg", "Progress", "Timeout")
)

// jobTable is a table of the jobs of some kinds, in the database that the statement names, or the current one.
func (e *env) jobTable(names []string, row func(j *Job, state, reason, begun, ended string) []value, kinds ...JobKind) (*result, error) {
	db := e.from
	if db == "" {
		db = e.s.state.db
	}
	if db == "" {
		return nil, noDatabase()
	}
	c := e.s.fe.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	return table(names, c.jobRows(db, row, kinds...)...), nil
}

// jobRows needs c.mu.
func (c *Cluster) jobRows(db string, row func(j *Job, state, reason, begun, ended string) []value, kinds ...JobKind) [][]value {
	now := time.Now()
	c.beats(now)
	var rows [][]value
	for _, j := range c.jobsOf(db, kinds...) {
		rows = append(rows, row(j, j.stateAt(now), j.reason, shownTime(j.created), shownTime(j.finished(now))))
	}
	return rows
}

const loadColumns = `ID LABEL PROFILE_ID DB_NAME TABLE_NAME USER WAREHOUSE STATE PROGRESS TYPE PRIORITY SCAN_ROWS SCAN_BYTES FILTERED_ROWS UNSELECTED_ROWS SINK_ROWS
	RUNTIME_DETAILS CREATE_TIME LOAD_START_TIME LOAD_COMMIT_TIME LOAD_FINISH_TIME PROPERTIES ERROR_MSG TRACKING_SQL REJECTED_RECORD_PATH`

// loads is information_schema.loads.
func loads(e *env) [][]value {
	c := e.s.fe.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jobRows("", func(j *Job, state, reason, begun, ended string) []value {
		return []value{
			strconv.Itoa(j.id), j.opts.Label, nil, j.opts.DB, j.opts.Table, j.opts.User, "default_warehouse", state, progress(state), string(j.opts.Kind), "NORMAL", "0", "0", "0", "0", "0",
			"{}", begun, begun, orNull(ended), orNull(ended), "{}", orNull(reason), nil, nil,
		}
	}, BrokerLoad, StreamLoad, RoutineLoad)
}

// formerLoadColumns are those that the table had from 3.1 on.
//
// https://docs.starrocks.io/docs/3.1/sql-reference/information_schema/
const formerLoadColumns = `JOB_ID LABEL DATABASE_NAME STATE PROGRESS TYPE PRIORITY SCAN_ROWS FILTERED_ROWS UNSELECTED_ROWS SINK_ROWS ETL_INFO TASK_INFO CREATE_TIME ETL_START_TIME
	ETL_FINISH_TIME LOAD_START_TIME LOAD_FINISH_TIME JOB_DETAILS ERROR_MSG TRACKING_URL TRACKING_SQL REJECTED_RECORD_PATH`

// formerLoads tells whether a release has the table as it was first: those up to 3.4 do by their documents.
func formerLoads(version string) bool {
	return slices.ContainsFunc([]string{"3.1.", "3.2.", "3.3.", "3.4."}, func(of string) bool { return strings.HasPrefix(version, of) })
}

// loadsOfOld is information_schema.loads of those: Broker Loads alone, and INSERTs, which fesim does not keep as jobs.
func loadsOfOld(e *env) [][]value {
	c := e.s.fe.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jobRows("", func(j *Job, state, reason, begun, ended string) []value {
		return []value{
			strconv.Itoa(j.id), j.opts.Label, j.opts.DB, state, progress(state), string(j.opts.Kind), "NORMAL", "0", "0", "0", "0", nil, "resource:N/A; timeout(s):14400; max_filter_ratio:0.0",
			begun, begun, begun, begun, orNull(ended), "{}", orNull(reason), nil, nil, nil,
		}
	}, BrokerLoad)
}

func progress(state string) string {
	if state == "FINISHED" {
		return "ETL:100%; LOAD:100%"
	}
	return "ETL:100%; LOAD:50%"
}

// orNull is NULL for "" and for NULL in letters.
func orNull(s string) value {
	if s == "" || s == "NULL" {
		return nil
	}
	return s
}

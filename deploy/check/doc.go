// Package check has tests of what Segue gives to those who watch it: rules, runbooks and the dashboard. It is a module of its own, as Prometheus' parser is much to
// depend on, and needs promtool, which proxy/e2e/setup.sh gets.
package check

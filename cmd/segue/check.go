package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"segue/backend"
	"segue/config"
	"segue/health"
)

func (w *world) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [BACKEND ...]",
		Short: "Probe every backend once, say what is wrong and what to do next",
		Long: `Probe every backend once from here, with the checks that serve would use, and
say for each one that fails what is wrong and which command to run next.
On each backend that answers, log in as every user of the configuration, and say
whether the sessions of that user will be able to move to it, and why not.
Backends and flavor come from the arguments, SEGUE_* or the configuration, as
for serve. Exit code 0: all backends are well; 1: at least one is not.`,
		Example: "  segue check fe1:9030,fe2:9030\n  segue check --config segue.yaml -o json",
	}
	s := addSettings(cmd)
	must(cmd.Flags().MarkHidden("listen"))
	must(cmd.Flags().MarkHidden("admin"))
	impersonate := cmd.Flags().String("impersonate", "root", "`user` that a service account is to become, as a trial")
	format := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, overrides, err := w.source(cmd, s, args)
		if err != nil {
			return err
		}
		c, err := config.Load(path, overrides...)
		if err != nil {
			return err
		}
		findings := examine(cmd.Context(), c, *impersonate)
		if *format == formatJSON {
			err = printJSON(w.stdout, findings)
		} else {
			err = w.printFindings(findings)
		}
		return errors.Join(err, verdict(findings))
	}
	return cmd
}

// finding is what one check of one backend found.
type finding struct {
	Backend string  `json:"backend"`
	Address string  `json:"address"`
	Check   string  `json:"check"`   // http, bootstrap, mysql, login; users: of no backend
	User    string  `json:"user"`    // of a login
	Verdict string  `json:"verdict"` // passed, failed, leaving, full, misconfigured
	Cause   string  `json:"cause"`
	Took    float64 `json:"took_seconds"`
	Next    string  `json:"next"` // a command that leads further; empty when it passed
}

// examine probes every backend of c once, all at the same time.
func examine(ctx context.Context, c *config.Config, impersonate string) []finding {
	registry := backend.NewRegistry(backend.Options{})
	registry.Apply(c.Backends)
	list := registry.Backends()
	found := make([][]finding, len(list))
	var wg sync.WaitGroup
	for i, b := range list {
		wg.Go(func() {
			found[i] = examineOne(ctx, b, c.Health)
			if b.Facts().Known { // the MySQL port works
				found[i] = append(found[i], examineUsers(ctx, b, c, impersonate)...)
			}
		})
	}
	wg.Wait()
	var all []finding
	for _, f := range found {
		all = append(all, f...)
	}
	if len(c.Proxy.Users) == 0 {
		all = append(all, finding{Check: checkUsers, Verdict: health.Passed.String(), Cause: withoutUsers})
	}
	return all
}

// examineOne runs every check of one backend.
func examineOne(ctx context.Context, b *backend.Backend, o health.Options) (found []finding) {
	for _, r := range health.Examine(ctx, b, o) {
		f := finding{
			Backend: b.Name(), Address: b.Address(), Check: r.Check,
			Verdict: r.Verdict.String(), Cause: r.Cause, Took: r.Took.Seconds(),
		}
		if r.Verdict != health.Passed {
			f.Next = nextCommand(r, b, o)
		}
		found = append(found, f)
	}
	return found
}

// nextCommand is what to run to find out more.
func nextCommand(r health.Finding, b *backend.Backend, o health.Options) string {
	host, port, _ := net.SplitHostPort(b.Address())
	page := ""
	if r.Check != "mysql" {
		if u, err := url.Parse(b.Status().HealthURL); err == nil {
			u.User, u.RawQuery, u.Fragment = nil, "", ""
			host, port, page = u.Hostname(), u.Port(), u.String()
		}
	}
	if r.Check == "bootstrap" {
		page = strings.TrimSuffix(page, "/health") + "/bootstrap"
	}
	given := b.Facts().Flavors()
	path, isPath := config.UnixPath(b.Address())
	isPath = isPath && page == ""
	switch {
	case isPath && strings.Contains(r.Cause, " speaks HTTP"):
		return fmt.Sprintf("curl -i --unix-socket %s http://localhost/   # and ask for its MySQL socket", shellWord(path))
	case isPath && r.Verdict == health.Failed:
		return fmt.Sprintf("ls -l %s; ss -lx | grep %s   # is it there, does anything listen there, and may Segue's user write to it?", shellWord(path), shellWord(path))
	case strings.Contains(r.Cause, "lookup "):
		return "getent hosts " + host
	case strings.Contains(r.Cause, " speaks HTTP"):
		return fmt.Sprintf("curl -i http://%s/   # and ask for its MySQL port", b.Address())
	case speaksOfTLS(r.Cause):
		return showCertificates(b.Address())
	case strings.Contains(r.Cause, " refused") && r.Took < time.Second && (r.Verdict == health.Failed || page != ""):
		return fmt.Sprintf("%s   # does anything listen there?", onHost(host, fmt.Sprintf("ss -ltn | grep :%s", port)))
	case strings.Contains(r.Cause, "no answer in"), strings.Contains(r.Cause, "unreachable"):
		return fmt.Sprintf("nc -vz %s %s   # a firewall in between?", host, port)
	case r.Verdict == health.Leaving:
		return "curl -i " + page + "   # it is stopping or starting; its log says why"
	case page != "":
		return "curl -i " + page
	case len(given) > 0 && !slices.Contains(given, o.Flavor):
		return fmt.Sprintf("segue check --flavor %s %s", given[0], b.Address())
	case o.User != "":
		return fmt.Sprintf("mysql %s -u %s -p -e 'SELECT 1'", clientFlags(b.Address()), shellWord(o.User))
	}
	return fmt.Sprintf("mysql %s -u USER -p -e 'SHOW PROCESSLIST'", clientFlags(b.Address()))
}

// clientFlags are the mysql client's for an address.
func clientFlags(address string) string {
	if path, ok := config.UnixPath(address); ok {
		return "-S " + shellWord(path)
	}
	host, port, _ := net.SplitHostPort(address)
	return fmt.Sprintf("-h %s -P %s", host, port)
}

// onHost is a command to be run on host.
func onHost(host, command string) string {
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		return command
	}
	return fmt.Sprintf("ssh %s '%s'", host, command)
}

func (w *world) printFindings(findings []finding) error {
	var rows [][]string
	last := ""
	for _, f := range findings {
		if f.Backend == "" {
			continue
		}
		row := []string{f.Backend, f.Address, strings.TrimSpace(f.Check + " " + f.User), f.Verdict, took(f.Took), f.Cause}
		if f.Backend == last {
			row[0], row[1] = `"`, `"`
		}
		last = f.Backend
		rows = append(rows, row)
	}
	if err := printTable(w.stdout, []string{"BACKEND", "ADDRESS", "CHECK", "VERDICT", "TOOK", "CAUSE"}, rows); err != nil {
		return err
	}
	for _, f := range findings {
		var err error
		switch {
		case f.Backend == "":
			_, err = fmt.Fprintf(w.stdout, "\n%s\n", f.Cause)
		case f.Next != "":
			_, err = fmt.Fprintf(w.stdout, "\n%s, %s: %s\n  next: %s\n", f.Backend, strings.TrimSpace(f.Check+" "+f.User), f.Cause, f.Next)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func took(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(100 * time.Microsecond).String()
}

// verdict is nil when every check of every backend has passed.
func verdict(findings []finding) error {
	unwell, all := map[string]bool{}, map[string]bool{}
	for _, f := range findings {
		if f.Backend == "" {
			continue
		}
		all[f.Backend] = true
		if f.Verdict != health.Passed.String() {
			unwell[f.Backend] = true
		}
	}
	if len(unwell) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d backends not well", len(unwell), len(all))
}

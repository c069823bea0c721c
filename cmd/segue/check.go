package main

import (
	"cmp"
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
	"segue/cmd/internal/admin"
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
Then say what an upgrade would cost as things are: what backends do not have in
common, which sessions of a Segue that runs could not move now, and why; where loads
over HTTP could not go, if any are served; and what the configuration is warned of:
files with secrets that everybody may read, say.
Backends and flavor come from the arguments, SEGUE_* or the configuration, as
for serve. Exit code 0: all backends are well, whatever the warnings; 1: at least
one is not.`,
		Example: "  segue check fe1:9030,fe2:9030\n  segue check --config segue.yaml --user admin --password-file pw -o json",
	}
	s := w.addSettings(cmd)
	must(cmd.Flags().MarkHidden("listen"))
	cmd.Flags().Lookup("admin").Usage = "`address` of a Segue that runs, whose sessions are looked at too (SEGUE_ADMIN)"
	user := cmd.Flags().String("user", "", "`user` who asks the cluster of itself (default: discover.user, or health.user)")
	secret := cmd.Flags().String("password-file", "", "`file` with that user's password")
	strict := cmd.Flags().Bool("strict", false, "exit 1 for a warning too")
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
		asks, password, err := account(c, *user, *secret)
		if err != nil {
			return err
		}
		findings := examine(cmd.Context(), c, *impersonate)
		findings = append(findings, examineCluster(cmd.Context(), c, asks, password)...)
		findings = append(findings, w.examineSessions(cmd, c)...)
		findings = append(findings, judgeConfiguration(c.Warnings)...)
		if *format == formatJSON {
			err = printJSON(w.stdout, findings)
		} else {
			err = w.printFindings(findings)
		}
		return errors.Join(err, verdict(findings, *strict))
	}
	return cmd
}

// finding is what one check of one backend found.
type finding struct {
	Backend string  `json:"backend"`
	Address string  `json:"address"`
	Check   string  `json:"check"`   // http, bootstrap, mysql, login; what follows them is of the cluster, of this machine, and of a Segue that runs
	User    string  `json:"user"`    // of a login
	Verdict string  `json:"verdict"` // passed, warning, unknown, failed, leaving, full, misconfigured
	Cause   string  `json:"cause"`
	Took    float64 `json:"took_seconds"`
	Next    string  `json:"next"` // a command that leads further; empty when it passed
}

var passed = health.Passed.String()

// unwell reports whether the backend that it is of does not do what Segue needs.
func (f *finding) unwell() bool {
	return f.Backend != "" && f.Verdict != passed && f.Verdict != warning && f.Verdict != unknown
}

// examine probes every backend of c once, all at the same time.
func examine(ctx context.Context, c *config.Config, impersonate string) []finding {
	registry := backend.NewRegistry(backend.Options{})
	told := findOnce(ctx, registry, c)
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
		all = append(all, finding{Check: checkUsers, Verdict: warning, Cause: withoutUsers, Next: "mysql -h HOST -P PORT -u USER -p   # whose accounts are they? List them under `users`"})
	}
	all = append(all, judgeDiscovery(told)...)
	all = append(all, examineLoads(ctx, registry, c)...)
	known := greeted(list)
	all = append(all, compareCapabilities(known)...)
	all = append(all, compareVersions(known)...)
	all = append(all, judgeNumber(len(list), c.Proxy.Hold.Timeout)...)
	return append(all, judgeDescriptors(c.Proxy.MaxSessions)...)
}

// judgeDiscovery says what each source of backends has told.
func judgeDiscovery(told []admin.Discovery) (all []finding) {
	for _, d := range told {
		f := finding{Check: "discovery", Verdict: passed, Cause: fmt.Sprintf("%s names %s", d.Source, plural(d.Found, "node"))}
		if d.Taken == nil {
			f.Verdict, f.Cause = warning, d.Source+": "+cmp.Or(d.Error, "no answer")
			f.Next = "segue config --config FILE   # what is asked, and as whom: discover.*"
		}
		all = append(all, f)
	}
	return all
}

// examineSessions looks at the sessions of a Segue that runs. That none does is worth a word only if one has been named.
func (w *world) examineSessions(cmd *cobra.Command, c *config.Config) []finding {
	at := cmp.Or(cmd.Flag("admin").Value.String(), w.getenv("SEGUE_ADMIN"))
	named := at != ""
	flags := adminFlags{address: at}
	if !named {
		flags.address = reachable(c.Admin)
	}
	list, err := func() ([]admin.Session, error) {
		client, err := w.adminClient(flags)
		if err != nil {
			return nil, err
		}
		defer client.Close()
		return client.Sessions(cmd.Context())
	}()
	switch {
	case err == nil:
		return judgeSessions(list, flags.address)
	case named:
		return []finding{{
			Check: checkSessions, Verdict: warning, Cause: "no word from the Segue at " + flags.address + ": " + innermost(err).Error(),
			Next: "segue status --admin " + shellWord(flags.address),
		}}
	}
	return []finding{{Check: checkSessions, Verdict: unknown, Cause: "no Segue answers at " + flags.address + ": which sessions could move now is not known (--admin)"}}
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
		if f.Backend == "" || f.Verdict != passed && !f.unwell() {
			continue // said below
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
	var text strings.Builder
	for _, f := range findings {
		if f.unwell() && f.Next != "" {
			fmt.Fprintf(&text, "\n%s, %s: %s\n  next: %s\n", f.Backend, strings.TrimSpace(f.Check+" "+f.User), f.Cause, f.Next)
		}
	}
	text.WriteString("\nAt an upgrade:\n")
	for _, f := range findings {
		if f.unwell() || f.Backend != "" && f.Verdict == passed {
			continue
		}
		fmt.Fprintf(&text, "  %-8s %s: %s\n", f.Verdict, strings.TrimSpace(f.Backend+" "+f.Check), f.Cause)
		if f.Next != "" {
			fmt.Fprintf(&text, "           next: %s\n", f.Next)
		}
	}
	_, err := fmt.Fprint(w.stdout, text.String())
	return err
}

func took(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(100 * time.Microsecond).String()
}

// verdict is nil when every check of every backend has passed, and, where that is asked for, there is no warning.
func verdict(findings []finding, strict bool) error {
	unwell, all, warnings := map[string]bool{}, map[string]bool{}, 0
	for _, f := range findings {
		if f.Address != "" {
			all[f.Backend] = true
		}
		if f.unwell() {
			unwell[f.Backend] = true
		}
		if f.Verdict == warning {
			warnings++
		}
	}
	switch {
	case len(unwell) > 0:
		return fmt.Errorf("%d of %d backends not well", len(unwell), len(all))
	case strict && warnings > 0:
		return fmt.Errorf("warnings: %d", warnings)
	}
	return nil
}

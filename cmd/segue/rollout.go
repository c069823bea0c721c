package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"segue/backend/discover/kube"
	"segue/cmd/internal/admin"
	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/facts"
	"segue/cmd/internal/rollout/run"
	"segue/config"
)

// The exit codes of `segue rollout` beside those of all commands. Scripts rely on them.
const (
	exitNotNow  = 3 // no node may go now; or the rollout has paused, and can be resumed
	exitNothing = 4 // next: no node is left that is to go
)

// exitError is an error with an exit code of its own.
type exitError struct {
	error
	code int
}

// Unwrap is for errors.Is and errors.AsType.
func (e exitError) Unwrap() error { return e.error }

func (w *world) rolloutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollout",
		Short: "Upgrade or restart a cluster node by node: plan it, ask who may go next, or have it done",
		Long: `Upgrade or restart a cluster node by node, so that clients see no error.

  plan     who goes when and why, and what stands against it
  next     the one node that may go now, for a script that does the rest
  run      the whole of it: drain through every Segue, stop, upgrade, start, wait, next
  status   where one stands

StarRocks and Doris: backends and compute nodes go first, then observers and followers,
the leader last; who leads is asked again before each. MySQL and MariaDB: replicas
(read_only) before the primary. TiDB and plain lists: in the order given.

Exit codes: 0 done, or a node may go; 1 failed; 2 wrong usage or configuration;
3 no node may go now, or the rollout has paused and can be resumed; 4 (next) no
node is left that is to go.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(w.rolloutPlanCommand(), w.rolloutNextCommand(), w.rolloutRunCommand(), w.rolloutStatusCommand())
	return cmd
}

// rolloutFlags are the flags that plan, next and run share.
type rolloutFlags struct {
	*settings
	admin        *adminFlags
	user, secret string
	names        map[string]string
	fleet        []string
	kube         kube.Config
	missing      string
	accept       []string
	noBackup     bool
	timeout      *time.Duration
	ask          rollout.Ask
	backup       string
	state        string
}

const defaultState = "segue-rollout.json"

// addRollout defines them.
func (w *world) addRollout(cmd *cobra.Command) *rolloutFlags {
	r := &rolloutFlags{settings: w.addSettings(cmd), ask: rollout.Ask{Limits: rollout.DefaultLimits(), OnFailure: rollout.RemedyPause}}
	for _, name := range []string{"listen", "admin"} {
		must(cmd.Flags().MarkHidden(name))
	}
	r.admin = &adminFlags{}
	f := cmd.Flags()
	f.StringVar(&r.user, "user", "", "`user` who asks the cluster; StarRocks and Doris: with\nOPERATE, and BLACKLIST (default: discover.user, or health.user)")
	f.StringVar(&r.secret, "password-file", "", "`file` with that user's password")
	f.StringToStringVar(&r.names, "name", nil, "`NODE=ADDRESS`: what a node is called, by its MySQL port, or by a backend's\nheartbeat port; may be repeated (default: as configured, or HOST:PORT)")
	f.StringSliceVar(&r.fleet, "fleet", nil, "admin `addresses` of every Segue in front: HOST:PORT, dns:NAME:PORT, file:PATH,\nkubernetes:[NAMESPACE/]SERVICE:PORT")
	f.StringVar(&r.kube.Server, "kube-server", "", "`URL` of the Kubernetes API, of kubectl proxy, say (default: that of this pod)")
	f.StringVar(&r.kube.TokenFile, "kube-token", "", "`file` with the token that it asks for")
	f.StringVar(&r.kube.CAFile, "kube-ca", "", "`file` with the authorities that vouch for it")
	f.StringVar(&r.missing, "fleet-missing", "stop", "what a Segue that cannot be asked means: `stop`, or ignore")
	words(cmd, "fleet-missing", "stop", "ignore")
	f.StringVar(&r.admin.token, "token-file", "", "`file` with the token that the Segues ask for (SEGUE_TOKEN_FILE)")
	f.StringVar(&r.admin.ca, "admin-ca", "", "`file` with the authorities that vouch for Segues on TLS (SEGUE_ADMIN_CA)")
	f.StringVar(&r.admin.cert, "admin-cert", "", "`file` with the certificate to show them, and its key (SEGUE_ADMIN_CERT)")
	f.StringVar(&r.admin.key, "admin-key", "", "`file` with the key, if --admin-cert does not have it (SEGUE_ADMIN_KEY)")
	f.StringVar(&r.ask.Version, "to-version", "", "`version` that every node is to have in the end: those that have it do not go")
	f.StringSliceVar(&r.ask.Only, "only", nil, "`nodes` that are to go (default: all)")
	f.StringSliceVar(&r.accept, "accept", nil, "`findings` that stop nothing: all of a check (balance), or one of them,\nas plan names it (fleet:10.0.0.5:9131, members:fe-2, jobs:load)")
	f.StringVar(&r.backup, "backup", "", "`command` that saves the metadata first; {{.Host}} is the leader's")
	f.BoolVar(&r.noBackup, "no-backup", false, "do without saving the metadata")
	f.BoolVar(&r.ask.Image, "create-image", false, "have the metadata written as an image first (ALTER SYSTEM CREATE IMAGE)")
	spanVar(f, &r.ask.Limits.Image, "image-age", aboveZero, config.LongestSpan, "how old the last image may be")
	r.timeout = addSpan(f, "timeout", 5*time.Second, aboveZero, config.LongestSpan, "how long one question may take")
	f.StringVar(&r.state, "state", "", "`file` that keeps the rollout (default "+defaultState+" for run and status)")
	var names []string
	for _, c := range checks() {
		names = append(names, string(c))
	}
	words(cmd, "accept", names...)
	return r
}

// checks are those that --accept may name.
func checks() []rollout.Check {
	return []rollout.Check{
		rollout.CheckMembers, rollout.CheckLeader, rollout.CheckPrimary, rollout.CheckQuorum, rollout.CheckJournal, rollout.CheckReplicas, rollout.CheckBalance,
		rollout.CheckJobs, rollout.CheckExit, rollout.CheckImage, rollout.CheckBackup, rollout.CheckVersions, rollout.CheckFleet, rollout.CheckSessions,
	}
}

// read fills in what was asked for.
func (r *rolloutFlags) read() error {
	for _, name := range r.accept {
		check, place, one := strings.Cut(name, ":")
		switch {
		case !slices.Contains(checks(), rollout.Check(check)):
			return usageError{fmt.Errorf("--accept %s: there is no such check; there are %s", name, join(checks()))}
		case one && place == "":
			return usageError{fmt.Errorf("--accept %s: want CHECK:NODE or CHECK:SEGUE, as `segue rollout plan` has them", name)}
		}
	}
	r.ask.Accept = r.accept
	switch {
	case r.missing != "stop" && r.missing != "ignore":
		return usageError{fmt.Errorf("--fleet-missing %s: it is stop or ignore", r.missing)}
	case r.backup != "" && r.noBackup:
		return usageError{errors.New("--backup and --no-backup contradict each other")}
	case r.backup != "":
		r.ask.Backup = rollout.BackupRun
	case r.noBackup:
		r.ask.Backup = rollout.BackupWaived
	}
	r.ask.Fleet, r.ask.FleetMissing = len(r.fleet) > 0, r.missing == "ignore"
	return nil
}

func join[T ~string](list []T) string {
	var texts []string
	for _, x := range list {
		texts = append(texts, string(x))
	}
	return strings.Join(texts, ", ")
}

// source makes the source of facts.
func (w *world) rolloutSource(cmd *cobra.Command, r *rolloutFlags, args []string) (*facts.Source, error) {
	if err := r.read(); err != nil {
		return nil, err
	}
	path, overrides, err := w.source(cmd, r.settings, args)
	if err != nil {
		return nil, err
	}
	c, err := config.Load(path, overrides...)
	if err != nil {
		return nil, err
	}
	s := &facts.Source{Flavor: c.Health.Flavor, Seeds: c.Backends, Names: map[string]string{}, Timeout: *r.timeout}
	for name, at := range r.names {
		s.Names[at] = name
	}
	if s.User, s.Password, err = account(c, r.user, r.secret); err != nil {
		return nil, err
	}
	if r.ask.Fleet {
		s.Fleet = &facts.Fleet{Places: r.fleet, Kube: r.kube, MayMiss: r.ask.MayMiss, Timeout: *r.timeout, Turn: r.ask.Limits.Drain + r.ask.Limits.Leave + r.ask.Limits.Return, Client: func(at string) (*admin.Client, error) {
			flags := *r.admin
			flags.address = at
			return w.adminClient(flags)
		}}
	}
	return s, nil
}

// account is who asks the cluster of itself: the one that was given with its password file, or the one that discovery asks as, or the one of health checks.
func account(c *config.Config, user, secret string) (name, password string, err error) {
	name, password = c.Health.User, c.Health.Password
	if c.Discover.User != "" {
		name, password = c.Discover.User, c.Discover.Password
	}
	if user != "" || secret != "" {
		if password, err = readPassword(secret); err != nil {
			return "", "", err
		}
	}
	return cmp.Or(user, name), password, nil
}

// readPassword reads what --password-file names, if it names anything.
func readPassword(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	password, err := config.ReadSecret(path)
	if err != nil {
		return "", usageError{fmt.Errorf("--password-file %s: %w", path, innermost(err))}
	}
	return password, nil
}

// known reports names of --only and --accept that no node has, where the cluster has told which there are. s has those that there were; nil: none.
func (r *rolloutFlags) known(f *rollout.Facts, s *rollout.State) error {
	if _, unseen := f.Unseen[rollout.CheckMembers]; unseen || len(f.Nodes) == 0 {
		return nil
	}
	var names []string
	for i := range f.Nodes {
		names = append(names, f.Nodes[i].Name)
	}
	for _, name := range r.ask.Only {
		if !slices.Contains(names, name) {
			return usageError{fmt.Errorf("--only %s: there is no such node; there are %s", name, shown(strings.Join(names, ", ")))}
		}
	}
	for _, name := range r.ask.Accept {
		if !f.Known(name, s) {
			return usageError{fmt.Errorf("--accept %s: there is no such node, and no such Segue in --fleet; it is to be in plan's own words, and nodes are %s", name, shown(strings.Join(names, ", ")))}
		}
	}
	return nil
}

// gather asks for all facts once.
func gather(ctx context.Context, s *facts.Source) *rollout.Facts {
	return s.Facts(ctx, run.Question{Whole: true})
}

// givenFlags are the flags that a command line said, for one that resumes.
func givenFlags(f *pflag.FlagSet, not ...string) map[string]string {
	given := map[string]string{}
	f.Visit(func(flag *pflag.Flag) {
		if !slices.Contains(not, flag.Name) {
			given[flag.Name] = flagText(flag)
		}
	})
	return given
}

// flagText is a flag's value as it may be set again.
func flagText(flag *pflag.Flag) string {
	text := flag.Value.String()
	switch flag.Value.Type() {
	case "stringSlice", "stringToString", "stringArray":
		text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	}
	return text
}

// giveAgain sets the flags that were given once and not now.
func giveAgain(f *pflag.FlagSet, given map[string]string) error {
	for name, text := range given {
		if flag := f.Lookup(name); flag != nil && !flag.Changed {
			if err := f.Set(name, text); err != nil {
				return fmt.Errorf("--%s as it was given: %w", name, err)
			}
		}
	}
	return nil
}

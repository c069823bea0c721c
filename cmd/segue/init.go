package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"segue/backend"
	"segue/backend/secure"
	"segue/cmd/internal/draft"
	"segue/config"
)

func (w *world) initCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init ADDRESS",
		Short: "Ask a cluster what it is, and write a configuration for it",
		Long: `Ask a server, HOST:PORT of its MySQL port, what it is and who else there is, look at
each of them from here, and print a configuration with comments. With --user, an account
of the cluster, all of its nodes are found; without, only what is said to everybody.
What could not be found out stands at the beginning of the file, with what to do.
The account needs OPERATE on StarRocks and Doris, PROCESS on TiDB, and nothing on MySQL
and MariaDB. Its password is in no file that is written. Without --ca-file or --tls it
logs in without TLS, where no server is told the password itself, and only on ADDRESS.`,
		Example: "  segue init fe1:9030 --user segue --password-file pw --out segue.yaml\n  segue init db1:3306",
		Args:    cobra.ExactArgs(1),
	}
	f := cmd.Flags()
	user := f.String("user", "", "`account` that asks")
	secret := f.String("password-file", "", "`file` with its password")
	ca := f.String("ca-file", "", "`file` with the authorities of the servers' certificates")
	mode := f.String("tls", "", "`mode` of TLS to the servers (default: verify-identity with --ca-file)")
	words(cmd, "tls", secure.ModeNames()...)
	flavor := f.String("flavor", "", "`flavor`: starrocks, doris, tidb, mysql or mariadb (default: it is found out)")
	words(cmd, "flavor", "starrocks", "doris", "tidb", "mysql", "mariadb")
	out := f.String("out", "", "`file` to write (default: standard output)")
	force := f.Bool("force", false, "write it even if it is there")
	timeout := addSpan(f, "timeout", 5*time.Second, aboveZero, config.LongestSpan, "how long one question may take")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o := draft.Options{Address: args[0], User: *user, Timeout: *timeout}
		if _, err := config.Load("", config.Override{Key: "backends", Value: args[0], Source: "argument"}, config.Override{Key: "listen", Value: "127.0.0.1:0", Source: "argument"}); err != nil {
			return err
		}
		if *flavor != "" {
			known, err := backend.ParseFlavor(*flavor)
			if err != nil {
				return usageError{fmt.Errorf("--flavor %s: it is starrocks, doris, tidb, mysql or mariadb", *flavor)}
			}
			o.Flavor = &known
		}
		var err error
		if o.TLS, err = policyOf(*mode, *ca); err != nil {
			return usageError{err}
		}
		if *ca != "" {
			o.CA = absolute(*ca)
		}
		if o.Password, err = readPassword(*secret); err != nil {
			return err
		}
		if *secret != "" {
			o.Secret = absolute(*secret)
		}
		if *user == "" && *secret != "" {
			return usageError{errors.New("--password-file without --user: whose password is it?")}
		}
		if *out != "" && !*force && w.exists(*out) {
			return usageError{fmt.Errorf("--out %s is there already; --force writes it anew", *out)}
		}
		file, err := draft.Ask(cmd.Context(), o)
		if err != nil {
			return fmt.Errorf("%w; is that the MySQL port of a server that runs? `segue check %s` tells more", err, shellWord(args[0]))
		}
		return w.writeDraft(file, *out, *force)
	}
	return cmd
}

// policyOf is how --tls and --ca-file have connections secured; nil: neither is given.
func policyOf(mode, ca string) (*secure.Policy, error) {
	if mode == "" && ca == "" {
		return nil, nil
	}
	wanted, m := secure.VerifyIdentity, secure.Material{}
	if mode != "" {
		if err := wanted.UnmarshalText([]byte(mode)); err != nil {
			return nil, fmt.Errorf("--tls %w", err)
		}
	}
	if ca != "" {
		var err error
		if m.CA, err = os.ReadFile(ca); err != nil {
			return nil, fmt.Errorf("--ca-file %s: %w", ca, innermost(err))
		}
	}
	p, err := secure.New(wanted, m)
	if err != nil {
		return nil, fmt.Errorf("--tls, --ca-file: %w", err)
	}
	return p, nil
}

// writeDraft writes what has been found out, once it has been seen to load.
func (w *world) writeDraft(file *draft.File, out string, force bool) error {
	text := file.Text()
	if _, err := config.Parse("segue.yaml", []byte(text)); err != nil {
		return fmt.Errorf("what the cluster says makes no configuration (%w); ask another of its servers, or write the file by hand: deploy/segue.example.yaml", err)
	}
	if out == "" {
		_, err := fmt.Fprint(w.stdout, text)
		return err
	}
	if err := writeNew(out, text, force); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w.stdout, "%s: %s, %s; %s\nnext: segue check --config %s\n", out, file.Flavor, plural(len(file.Nodes), "server"), remarks(len(file.Remarks)), shellWord(out))
	return err
}

func remarks(n int) string {
	if n == 0 {
		return "all that was asked is known"
	}
	return plural(n, "thing") + " could not be found out: the file begins with that"
}

// writeNew writes a file that is whole or not there: one that exists only if force says so.
func writeNew(path, text string, force bool) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".segue-init-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, innermost(err))
	}
	defer os.Remove(temporary.Name()) // of no use once it has its name
	_, err = temporary.WriteString(text)
	err = errors.Join(err, temporary.Chmod(0o644), temporary.Close()) // there is no secret in it
	switch {
	case err != nil:
	case force:
		err = os.Rename(temporary.Name(), path)
	default: // unlike a rename, it fails where somebody else has just made the file
		err = os.Link(temporary.Name(), path)
		if errors.Is(err, fs.ErrExist) {
			return usageError{fmt.Errorf("--out %s is there already; --force writes it anew", path)}
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, innermost(err))
	}
	return nil
}

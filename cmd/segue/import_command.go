package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"segue/backend"
	"segue/cmd/internal/importer"
	"segue/config"
)

func (w *world) importCommand() *cobra.Command {
	var from, section, flavor string
	cmd := &cobra.Command{
		Use:   "import FILE | URL",
		Short: "Make a configuration of another load balancer's",
		Long: `Make a configuration of what stood before the servers until now, and print it:

  haproxy.cfg     HAProxy: a listen section, or a frontend and its backend, in mode tcp
  proxysql.cnf    ProxySQL: the servers of one hostgroup, and the users
  nginx.conf      nginx: a server of a stream block, and its upstream
  jdbc:…          a URL of Connector/J or of MariaDB's driver: loadbalance, replication, failover

It loads as it is. What has no equivalent, or another effect, is said at its top with
file and line, and counted on standard error. Nothing is changed, asked or followed:
no include, no name, no server.

Passwords that stand there come along, each with a remark; put them into files of
their own (password_file). They are in no remark and in no error.

FILE is - for standard input. A file may also hold a JDBC URL alone, so that its
password is in no shell's history.`,
		Example: `  segue import /etc/haproxy/haproxy.cfg > segue.yaml
  segue import nginx.conf --section mysql_backend
  segue import 'jdbc:mysql:loadbalance://fe1:9030,fe2:9030/db?user=app'`,
		Args: cobra.ExactArgs(1),
	}
	kinds := make([]string, 0, len(importer.Kinds()))
	for _, k := range importer.Kinds() {
		kinds = append(kinds, string(k))
	}
	cmd.Flags().StringVar(&from, "from", "", "what it is: "+strings.Join(kinds, ", ")+"; default: told by its text")
	cmd.Flags().StringVar(&section, "section", "", "which of several: a proxy, an upstream, a hostgroup")
	cmd.Flags().StringVar(&flavor, "flavor", "", "what the servers are: starrocks, doris, tidb, mysql; default: told by health URLs and ports")
	words(cmd, "from", kinds...)
	words(cmd, "flavor", "starrocks", "doris", "tidb", "mysql")
	cmd.ValidArgsFunction = files("cfg", "cnf", "conf")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		s, err := w.importSource(args[0])
		if err != nil {
			return err
		}
		s.Kind, s.Section = importer.Kind(from), section
		if flavor != "" {
			f, err := backend.ParseFlavor(flavor)
			if err != nil {
				return usageError{fmt.Errorf("--flavor: %w", err)}
			}
			s.Flavor = f.String()
		}
		plan, err := importer.Import(s)
		if err != nil {
			return err
		}
		text := plan.YAML()
		if _, err := config.Parse("what was made of "+s.Name, []byte(text)); err != nil {
			return err
		}
		if n := len(plan.Remarks); n > 0 {
			fmt.Fprintf(w.stderr, "%s: %s, at its top\n", plan.Name, plural(n, "remark"))
		}
		_, err = io.WriteString(w.stdout, text)
		return err
	}
	return cmd
}

// importSource reads what is named. A URL is shown nowhere: it may hold a password.
func (w *world) importSource(name string) (importer.Source, error) {
	if strings.HasPrefix(name, "jdbc:") {
		return importer.Source{Name: "URL", Text: []byte(name)}, nil
	}
	if strings.Contains(name, "://") {
		return importer.Source{}, usageError{errors.New("nothing is fetched; name a file, or a URL of JDBC (jdbc:mysql:…)")}
	}
	from := io.Reader(w.stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return importer.Source{}, usageError{fmt.Errorf("read %s: %w; name the file of HAProxy, ProxySQL or nginx, or - for standard input", name, innermost(err))}
		}
		defer func() { _ = f.Close() }()
		from = f
	} else if name = "standard input"; w.stdin == nil {
		return importer.Source{}, usageError{errors.New("there is no standard input")}
	}
	text, err := io.ReadAll(io.LimitReader(from, importer.MaxSize+1))
	if err != nil {
		return importer.Source{}, fmt.Errorf("read %s: %w", name, err)
	}
	return importer.Source{Name: name, Text: text}, nil
}

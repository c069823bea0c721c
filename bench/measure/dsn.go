package measure

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// dsnForm is how an endpoint is written.
const dsnForm = "USER:PASSWORD@tcp(HOST:PORT)/DATABASE"

// ParseDSN reads an endpoint as go-sql-driver/mysql writes it. Its errors say what
// to write instead, and show no password.
func ParseDSN(dsn string) (*mysql.Config, error) {
	if dsn == "" {
		return nil, errors.New("no endpoint: name one with --dsn '" + dsnForm + "' or $SEGUE_BENCH_DSN")
	}
	if scheme, _, ok := strings.Cut(dsn, "://"); ok && !strings.ContainsAny(scheme, "@(/:") {
		return nil, fmt.Errorf("the DSN is a URL; %s", meant(fromURL(dsn)))
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, explain(dsn)
	}
	if !strings.HasPrefix(cfg.Net, "tcp") {
		return nil, errors.New("the DSN's network is not tcp, over which load balancers are reached; write " + dsnForm)
	}
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil || host == "" || port == "" {
		return nil, errors.New("the DSN's address is not HOST:PORT; write " + dsnForm)
	}
	if cfg.User == "" {
		return nil, errors.New("the DSN names no user; write " + dsnForm)
	}
	return cfg, nil
}

// What may be shown of a text that is no DSN: what can hardly be a password.
var (
	address  = regexp.MustCompile(`^[A-Za-z0-9.-]+:[0-9]{1,5}$`)
	database = regexp.MustCompile(`^/[A-Za-z0-9_]*$`)
)

// explain says what is wrong with a DSN that the driver does not take. What the
// driver says may hold a piece of the password.
func explain(dsn string) error {
	slash := strings.LastIndexByte(dsn, '/')
	if slash < 0 {
		return errors.New("the DSN has no / before the database, which may be empty; " + meant(withSlash(dsn)))
	}
	login, rest := cutLogin(dsn[:slash])
	switch {
	case strings.Contains(rest, "(") && !strings.HasSuffix(rest, ")"):
		return errors.New("the DSN has a ( without its ); write " + dsnForm)
	case login != "" && address.MatchString(rest) && database.MatchString(dsn[slash:]):
		return errors.New("the DSN has no tcp(…) around the address; " + meant(hide(login)+"tcp("+rest+")"+dsn[slash:]))
	}
	return errors.New("it is no DSN, or one of its parameters is wrong; write " + dsnForm + " and percent-encode the values of parameters")
}

// meant proposes another DSN.
func meant(dsn string) string {
	if dsn == "" {
		return "write " + dsnForm
	}
	return "did you mean '" + dsn + "'?"
}

// fromURL is the DSN of mysql://user@host:port/database, without its password.
func fromURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = "3306"
	}
	login := u.User.Username()
	if _, has := u.User.Password(); has {
		login += ":…"
	}
	return login + "@tcp(" + net.JoinHostPort(u.Hostname(), port) + ")/" + strings.TrimPrefix(u.Path, "/")
}

// withSlash is a DSN that lacks its slash, or nothing when more is wrong with it.
func withSlash(dsn string) string {
	if _, err := mysql.ParseDSN(dsn + "/"); err != nil {
		return ""
	}
	login, rest := cutLogin(dsn)
	return hide(login) + rest + "/"
}

// cutLogin cuts behind the last @: a password may have one.
func cutLogin(text string) (login, rest string) {
	at := strings.LastIndexByte(text, '@')
	return text[:at+1], text[at+1:]
}

// hide leaves of USER:PASSWORD@ the user.
func hide(login string) string {
	user, _, has := strings.Cut(login, ":")
	if !has {
		return login
	}
	return user + ":…@"
}

// Redact is the DSN without its password and its parameters, for reports and the
// terminal. Of a text that is no DSN it leaves nothing, nor of one whose network is
// not tcp or whose database has an @: that may be a password with a slash, and no
// slash behind the address.
func Redact(dsn string) string {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil || cfg.Net != "tcp" || strings.Contains(cfg.DBName, "@") {
		return "…"
	}
	text := cfg.User
	if cfg.Passwd != "" {
		text += ":…"
	}
	return text + "@" + cfg.Net + "(" + cfg.Addr + ")/" + cfg.DBName
}

// RedactArgs is a command line without the passwords of its DSNs.
func RedactArgs(args []string) []string {
	shown := make([]string, len(args))
	for i, arg := range args {
		name, value, joined := strings.Cut(arg, "=")
		switch {
		case i > 0 && isDSN(args[i-1]):
			shown[i] = Redact(arg)
		case joined && isDSN(name):
			shown[i] = name + "=" + Redact(value)
		default:
			shown[i] = arg
		}
	}
	return shown
}

// isDSN tells whether a flag takes a DSN.
func isDSN(flag string) bool { return flag == "--dsn" || flag == "--member" }

// scrub takes a password out of texts that others wrote.
func scrub(password string, texts ...*string) {
	const short = 4 // it would be found in any word
	if len(password) < short {
		return
	}
	for _, text := range texts {
		*text = strings.ReplaceAll(*text, password, "…")
	}
}

var goodName = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)

// GoodName tells whether a database may be called so without quotes.
func GoodName(name string) bool { return goodName.MatchString(name) }

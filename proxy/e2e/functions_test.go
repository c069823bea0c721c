package e2e

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// TestListedFunctionsAreBuiltIn has a server keep a stored function of each name that is listed as a built-in one's, and calls it: none of them
// must be what runs. A SELECT of it is said to read only.
func TestListedFunctionsAreBuiltIn(t *testing.T) {
	s := startServers(t, 1)[0]
	if err := s.exec(t.Context(), movesFixtures); err != nil {
		t.Fatal(err)
	}
	conn := (&differential{address: s.address()}).open(t).conn
	run := func(text string) (*mysql.Result, error) { return conn.Execute(text) }
	names := listedFunctions(t, "isPureEverywhere", "isWindow", "isPureMariaDB")
	if len(names) < 100 {
		t.Fatalf("%d names are listed", len(names))
	}
	called := func(name string) bool {
		_, _ = run("SET @called=0")
		_, _ = run("SELECT " + name + "()") // with too few arguments for most
		r, err := run("SELECT @called LIMIT 1")
		if err != nil {
			t.Fatal(err)
		}
		n, _ := r.GetInt(0, 0)
		return n != 0
	}
	for _, name := range append(names, "OF_OUR_OWN") {
		if _, err := run("CREATE OR REPLACE FUNCTION moves.`" + name + "`() RETURNS INT BEGIN SET @called=1; RETURN 1; END"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if called(name) != (name == "OF_OUR_OWN") {
			t.Errorf("%s() calls a stored function: %v", name, called(name))
		}
	}
}

// listedFunctions are the strings in the functions of package track that list functions.
func listedFunctions(t *testing.T, in ...string) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../track/functions.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		f, is := d.(*ast.FuncDecl)
		if !is || !strings.Contains(" "+strings.Join(in, " ")+" ", " "+f.Name.Name+" ") {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, is := n.(*ast.BasicLit); is && l.Kind == token.STRING {
				name, _ := strconv.Unquote(l.Value)
				names = append(names, name)
			}
			return true
		})
	}
	return names
}

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logKeys are the keys of all lines that the program's rooms log, each with a place where it is used.
func logKeys(t *testing.T) map[string]string {
	t.Helper()
	keys := map[string]string{}
	lines := 0
	for _, room := range []string{"backend", "cmd", "config", "health", "proxy"} {
		err := filepath.WalkDir(filepath.Join("..", "..", room), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && slices.Contains([]string{"fesim", "e2e", "testdata", "simulate", "simulation"}, d.Name()):
				return fs.SkipDir
			case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			files := token.NewFileSet()
			f, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				fn, ok := n.(*ast.FuncDecl)
				if !ok || fn.Body == nil {
					return true
				}
				found := logged(fn.Body)
				lines += found.lines
				for _, key := range found.keys {
					keys[key] = files.Position(fn.Pos()).String()
				}
				for _, bad := range found.unknown {
					t.Errorf("%s: it cannot be told which keys are logged by %s", files.Position(bad.Pos()), fn.Name.Name)
				}
				return false
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if lines < 50 {
		t.Fatalf("%d lines are found that log", lines)
	}
	return keys
}

type found struct {
	lines   int
	keys    []string
	unknown []ast.Node
}

// logMethods are slog.Logger's, with how many arguments are in front of the keys.
var logMethods = map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "Log": 3, "LogAttrs": 3}

// logged finds the calls of a logger, and the keys.
func logged(body ast.Node) (f found) {
	spread, records := false, false // records: slog.Records are made by hand, and called r
	ast.Inspect(body, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "NewRecord" && isIdent(sel.X, "slog") {
			records = true
		}
		return true
	})
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if records && (sel.Sel.Name == "Add" || sel.Sel.Name == "AddAttrs") && isIdent(sel.X, "r") {
			f.pairs(call.Args)
			return true
		}
		skip, ok := logMethods[sel.Sel.Name]
		if !ok || !isLogger(sel.X) {
			return true
		}
		f.lines++
		if call.Ellipsis.IsValid() {
			spread = true
			return true
		}
		f.pairs(call.Args[skip:])
		return true
	})
	if spread { // the keys are gathered in a list of the same function
		ast.Inspect(body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if list, ok := n.Type.(*ast.ArrayType); ok && isIdent(list.Elt, "any") {
					f.pairs(n.Elts)
				}
			case *ast.CallExpr:
				if fn, ok := n.Fun.(*ast.Ident); ok && fn.Name == "append" && len(n.Args) == 3 {
					f.pairs(n.Args[1:])
				}
			}
			return true
		})
	}
	return f
}

// pairs takes keys and values, or attributes.
func (f *found) pairs(args []ast.Expr) {
	for i := 0; i < len(args); i++ {
		switch a := args[i].(type) {
		case *ast.BasicLit:
			key, err := strconv.Unquote(a.Value)
			if err != nil {
				f.unknown = append(f.unknown, a)
			}
			f.keys = append(f.keys, key)
			i++
		case *ast.CallExpr: // slog.String("key", value)
			sel, ok := a.Fun.(*ast.SelectorExpr)
			lit, literal := ast.Expr(nil), false
			if ok && len(a.Args) > 0 {
				lit = a.Args[0]
				_, literal = lit.(*ast.BasicLit)
			}
			if pkg, is := sel.X.(*ast.Ident); !ok || !is || pkg.Name != "slog" || !literal {
				f.unknown = append(f.unknown, a)
				continue
			}
			key, _ := strconv.Unquote(lit.(*ast.BasicLit).Value)
			f.keys = append(f.keys, key)
		default:
			f.unknown = append(f.unknown, a)
		}
	}
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// isLogger reports whether an expression is called log, Log or logger, as all of the program's are.
func isLogger(e ast.Expr) bool {
	name := ""
	switch e := e.(type) {
	case *ast.Ident:
		name = e.Name
	case *ast.SelectorExpr:
		name = e.Sel.Name
	}
	return name == "slog" || strings.EqualFold(name, "log") || strings.EqualFold(name, "logger")
}

// keyRow is a row of the page's table.
var keyRow = regexp.MustCompile("(?m)^\\| (`[a-z_]+`(?:, `[a-z_]+`)*) \\|")

// What collectors rely on are the keys of the log: each is documented, and each that is documented is there.
func TestLogKeysAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../deploy/docs/reference/log.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n| key |")
	if !ok {
		t.Fatal("the page has no table of the log's keys")
	}
	documented := map[string]bool{"time": true, "level": true, "msg": true}
	for _, row := range keyRow.FindAllStringSubmatch(section, -1) {
		for key := range strings.SplitSeq(row[1], ", ") {
			documented[strings.Trim(key, "`")] = true
		}
	}
	used := logKeys(t)
	for _, key := range slices.Sorted(maps.Keys(used)) {
		if !documented[key] {
			t.Errorf("the key %s is not documented: %s", key, used[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(documented)) {
		if used[key] == "" && !slices.Contains([]string{"time", "level", "msg"}, key) {
			t.Errorf("the key %s is documented, and used nowhere", key)
		}
	}
}

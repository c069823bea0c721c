package proxy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"segue/proxy"
)

// verb is one of fmt's.
var verb = regexp.MustCompile(`%[a-z]`)

// literals are the texts that an expression is put together from: those that stand there, and those that the variables in it get in body.
func literals(e ast.Node, body ast.Node) (list []string) {
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				list = append(list, text)
			}
		case *ast.Ident:
			list = append(list, assigned(n.Name, body)...)
		}
		return true
	})
	return list
}

// assigned are the texts that a local variable gets.
func assigned(name string, body ast.Node) (list []string) {
	if body == nil {
		return nil
	}
	ast.Inspect(body, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if !ok {
			return true
		}
		for i, left := range a.Lhs {
			if id, ok := left.(*ast.Ident); ok && id.Name == name && i < len(a.Rhs) {
				list = append(list, literals(a.Rhs[i], nil)...)
			}
		}
		return true
	})
	return list
}

// saidIn are the texts of the errors that a file gives to clients, as far as they stand there.
func saidIn(f *ast.File) (list []string) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil || fn.Name.Name == "clientError" || fn.Name.Name == "errPacket" {
			continue
		}
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				name := ""
				switch f := n.Fun.(type) {
				case *ast.Ident:
					name = f.Name
				case *ast.SelectorExpr:
					name = f.Sel.Name
				}
				if slices.Contains([]string{"clientError", "errPacket", "cut", "answer"}, name) && len(n.Args) > 0 {
					list = append(list, literals(n.Args[len(n.Args)-1], fn.Body)...)
				}
			case *ast.KeyValueExpr:
				if id, ok := n.Key.(*ast.Ident); ok && id.Name == "Message" {
					list = append(list, literals(n.Value, nil)...)
				}
			case *ast.AssignStmt:
				if sel, ok := n.Lhs[0].(*ast.SelectorExpr); ok && sel.Sel.Name == "Message" {
					list = append(list, literals(n.Rhs[0], nil)...)
				}
			}
			return true
		})
	}
	return list
}

// The list of errors that clients are given has each that the code gives, and no other.
func TestErrorsAreListed(t *testing.T) {
	var said []string
	var all strings.Builder
	for _, pattern := range []string{"*.go", "login/*.go", "../backend/client/require.go", "../backend/none.go"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal(pattern, err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") || path == "told.go" {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range literals(f, nil) {
				all.WriteString(verb.ReplaceAllString(l, "…") + "\n")
			}
			if !strings.Contains(path, "/") {
				said = append(said, saidIn(f)...)
			}
		}
	}
	if len(said) < 20 {
		t.Fatalf("%d texts are found", len(said))
	}
	list := proxy.Errors()
	for _, text := range said {
		for piece := range strings.SplitSeq(verb.ReplaceAllString(strings.TrimPrefix(text, "segue: "), "…"), "…") {
			if piece = strings.Trim(piece, " :;,()"); len(piece) < 8 {
				continue
			}
			if !slices.ContainsFunc(list, func(e proxy.Told) bool { return strings.Contains(e.Text, piece) }) {
				t.Errorf("the list in told.go lacks %q", piece)
			}
		}
	}
	for _, e := range list {
		if e.Code == 0 || e.Text == "" || e.Cause == "" || e.Remedy == "" {
			t.Errorf("incomplete: %+v", e)
		}
		for piece := range strings.SplitSeq(e.Text, "…") {
			if piece = strings.Trim(piece, " :;,()"); len(piece) >= 8 && !standsIn(all.String(), piece) {
				t.Errorf("nothing in the code says %q", piece)
			}
		}
	}
}

// standsIn reports whether a text stands in the code, be it in parts that are put together.
func standsIn(code, text string) bool {
	if strings.Contains(code, text) {
		return true
	}
	words := strings.Fields(text)
	for i := 1; i < len(words); i++ {
		head, tail := strings.Join(words[:i], " "), strings.Join(words[i:], " ")
		if len(head) >= 6 && len(tail) >= 6 && strings.Contains(code, head) && standsIn(code, tail) {
			return true
		}
	}
	return false
}

package check

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// Page is what the tests look at of a page in Markdown.
type Page struct {
	Path    string // from the repository's root
	Blocks  []Block
	Links   []Link
	Anchors map[string]bool // what stands behind # in links to it, as GitHub makes it of headings
}

// Block is a fenced block, or a comment that is one.
type Block struct {
	Line  int      // of its first line of text
	Words []string // of its info string; of a comment "console"
	Text  string
}

// Link is a link or a picture.
type Link struct {
	Line int
	To   string
}

// hidden begins a comment that is run.
const hidden = "<!-- console\n"

var anchor = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)

// ParsePage reads a page.
func ParsePage(path string, source []byte) Page {
	p := Page{Path: path, Anchors: map[string]bool{}}
	for _, m := range anchor.FindAllSubmatch(source, -1) {
		p.Anchors[string(m[1])] = true
	}
	at := func(offset int) int { return bytes.Count(source[:offset], []byte("\n")) + 1 }
	last := 1 // the line of what was seen last that has one: a link has none of its own
	tree := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	_ = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // it fails only if the function does
		if !entering {
			return ast.WalkContinue, nil
		}
		if n.Type() == ast.TypeBlock && n.Lines().Len() > 0 {
			last = at(n.Lines().At(0).Start)
		}
		switch n := n.(type) {
		case *ast.Heading:
			p.addAnchor(slug(plain(n, source)))
		case *ast.FencedCodeBlock:
			info := ""
			if n.Info != nil {
				info = string(n.Info.Segment.Value(source))
			}
			p.Blocks = append(p.Blocks, Block{last, strings.Fields(info), string(n.Lines().Value(source))})
		case *ast.HTMLBlock:
			if s, ok := strings.CutPrefix(string(n.Lines().Value(source)), hidden); ok {
				p.Blocks = append(p.Blocks, Block{last + 1, []string{"console"}, strings.TrimSuffix(strings.TrimSpace(s), "-->")})
			}
		case *ast.Text:
			last = at(n.Segment.Start)
		case *ast.Link:
			p.Links = append(p.Links, Link{last, string(n.Destination)})
		case *ast.Image:
			p.Links = append(p.Links, Link{last, string(n.Destination)})
		}
		return ast.WalkContinue, nil
	})
	return p
}

// addAnchor adds what GitHub makes of a heading, which it numbers where one is there already.
func (p *Page) addAnchor(name string) {
	unique := name
	for i := 1; p.Anchors[unique]; i++ {
		unique = name + "-" + strconv.Itoa(i)
	}
	p.Anchors[unique] = true
}

// plain is the text of a heading without its marks.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Segment.Value(source))
		} else {
			b.WriteString(plain(c, source))
		}
	}
	return b.String()
}

var dropped = regexp.MustCompile(`[^\p{L}\p{N}\p{M}_ -]`)

// slug is the anchor that GitHub makes of a heading's text.
func slug(heading string) string {
	return strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

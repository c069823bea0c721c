package check

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// A link leads to a file of the repository, and to a heading that is there. Of one that leads out only its form is looked at.
func TestLinks(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for _, p := range all {
		for _, l := range p.Links {
			if what := deadLink(all, p, l.To); what != "" {
				t.Errorf("%s:%d: the link to %q: %s", p.Path, l.Line, l.To, what)
			}
		}
	}
}

// deadLink says what is wrong with a link.
func deadLink(all map[string]Page, p Page, to string) string {
	u, err := url.Parse(to)
	switch {
	case err != nil:
		return err.Error()
	case u.Scheme == "https" && u.Host != "":
		return ""
	case u.Scheme != "" || u.Host != "" || path.IsAbs(u.Path):
		return "is neither https:// nor a path from the page on"
	}
	file := p.Path
	if u.Path != "" {
		file = path.Join(path.Dir(p.Path), u.Path)
	}
	if strings.HasPrefix(file, "..") {
		return "leads out of the repository"
	}
	if _, err := os.Stat(filepath.Join(repository, filepath.FromSlash(file))); err != nil {
		return "no such file"
	}
	if u.Fragment == "" {
		return ""
	}
	if page, ok := all[file]; !ok || !page.Anchors[u.Fragment] {
		return "no such heading there"
	}
	return ""
}

// The index leads to each page of its folder, and the README to each page of the repository.
func TestPagesAreLinked(t *testing.T) {
	t.Parallel()
	all := pages(t)
	fromIndex, fromReadme := map[string]bool{index: true}, map[string]bool{}
	for _, l := range all[index].Links {
		fromIndex[target(index, l.To)] = true
	}
	var visit func(string)
	visit = func(page string) {
		if fromReadme[page] {
			return
		}
		fromReadme[page] = true
		for _, l := range all[page].Links {
			visit(target(page, l.To))
		}
	}
	visit("README.md")
	for name := range all {
		if strings.HasPrefix(name, path.Dir(index)+"/") && !fromIndex[name] {
			t.Errorf("%s does not lead to %s", index, name)
		}
		if !fromReadme[name] && !fromReadme[path.Dir(name)] { // GitHub shows the README of a folder
			t.Errorf("nothing leads to %s", name)
		}
	}
}

// target is the file that a link of a page leads to.
func target(page, to string) string {
	to, _, _ = strings.Cut(to, "#")
	if to == "" || strings.Contains(to, "://") {
		return page
	}
	return path.Join(path.Dir(page), to)
}

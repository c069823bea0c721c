package config

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// plainly tells whether a file may have a value as it stands: as one plain word, and not as nothing.
func plainly(value string) bool {
	var doc yaml.Node
	if yaml.Unmarshal([]byte("a: "+value+"\n"), &doc) != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode || len(doc.Content[0].Content) != 2 {
		return false
	}
	n := doc.Content[0].Content[1]
	return n.Kind == yaml.ScalarNode && n.Style == 0 && n.Value == value && n.Anchor == "" && n.LineComment == "" && !isNull(n) && doc.HeadComment+doc.FootComment+n.FootComment+n.HeadComment == ""
}

// FuzzOverride holds that a value from outside the file is taken for what the file would be taken for with it, or refused where the file would be; and that a
// problem with it names the place where it came from, and tells no secret.
func FuzzOverride(f *testing.F) {
	var known []Key
	for _, k := range Keys(nil) {
		if k.Variable != "" {
			known = append(known, k)
		}
	}
	seeds := []string{"true", "200ms", "0", "10", "127.0.0.1:1", "a,b", "unix:/x", "1.2", "0660", "~", "", "off", "credential:x", "20%", "\xff", "- a", "{a: b}", "${X}", "starrocks"}
	for i := range known {
		f.Add(i, seeds[i%len(seeds)])
		f.Add(i, seeds[(i+7)%len(seeds)])
	}
	none := new(reader)
	none.Open = func(string) (fs.File, error) { return nil, os.ErrNotExist }
	const source = "SEGUE_SOMETHING"
	load := func(data string, overrides ...Override) (*Config, []Problem) {
		c, _, err := parseSeen("f.yaml", []byte(data), overrides, none)
		problems, _ := errors.AsType[*Problems](err)
		if err == nil {
			c.seen = seen{}
			c.Warnings = nil // each has its place
			return c, nil
		}
		return nil, problems.List
	}
	f.Fuzz(func(t *testing.T, which int, value string) {
		k := known[uint(which)%uint(len(known))]
		base := one
		if k.Path == "backends" {
			base = ""
		}
		c, problems := load(base, Override{Key: k.Path, Value: value, Source: source})
		named := c != nil
		for _, p := range problems {
			if p.What == "" || p.Remedy == "" {
				t.Errorf("incomplete problem %+v", p)
			}
			named = named || p.Source == source
			if strings.HasSuffix(k.Path, "password") && len(value) > 8 && strings.Contains(p.String(), value) {
				t.Errorf("the secret is told: %s", p)
			}
		}
		if !named && len(problems) > 0 && k.Path != "backends" {
			t.Errorf("%s=%q: no problem names its place: %v", k.Path, value, problems)
		}
		if k.List || !plainly(value) {
			return
		}
		names := strings.Split(k.Path, ".")
		var text strings.Builder
		text.WriteString(base)
		for i, name := range names {
			text.WriteString(strings.Repeat(" ", i) + name + ":")
			if i == len(names)-1 {
				text.WriteString(" " + value)
			}
			text.WriteString("\n")
		}
		inFile, fileProblems := load(text.String())
		if (c == nil) != (inFile == nil) || len(problems) != len(fileProblems) {
			t.Fatalf("%s=%q: %v, and in the file %v", k.Path, value, problems, fileProblems)
		}
		if c != nil && !reflect.DeepEqual(c, inFile) {
			t.Errorf("%s=%q: %+v, and in the file %+v", k.Path, value, c, inFile)
		}
	})
}

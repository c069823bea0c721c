package main

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	released  = regexp.MustCompile(`^\d+(\.\d+)*$`)
	candidate = regexp.MustCompile(`^(\d+(?:\.\d+)*)-((?:alpha|beta|rc|pre)[.\dA-Za-z]*)$`)
	described = regexp.MustCompile(`^(.+)-(\d+)-g([0-9a-f]+)$`)
	allowed   = regexp.MustCompile(`^[A-Za-z0-9.+~]+$`)
)

// packageVersion is a version of git describe as dpkg and rpm order them: 1.2.3-rc.1 comes before 1.2.3 (~), what has been
// committed since behind it (+), and a commit without any tag before all that are released.
func packageVersion(v string) (string, error) {
	text, dirty := strings.CutSuffix(strings.TrimPrefix(v, "v"), "-dirty")
	behind := ""
	if m := described.FindStringSubmatch(text); m != nil {
		text, behind = m[1], "+"+m[2]+".g"+m[3]
	}
	switch m := candidate.FindStringSubmatch(text); {
	case released.MatchString(text) && (strings.Contains(text, ".") || behind != ""):
	case m != nil:
		text = m[1] + "~" + m[2]
	default:
		text = "0~" + strings.ReplaceAll(text, "-", ".")
	}
	text += behind
	if dirty {
		text += "+dirty"
	}
	if v == "" || !allowed.MatchString(text) {
		return "", fmt.Errorf("-version %q: dpkg and rpm take letters, digits, and . + ~ (v1.2.3, v1.2.3-rc.1, or what git describe says)", v)
	}
	return text, nil
}

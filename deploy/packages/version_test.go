package main

import (
	"os/exec"
	"strings"
	"testing"
)

func TestPackageVersion(t *testing.T) {
	for v, want := range map[string]string{
		"v1.2.3":                   "1.2.3",
		"1.2.3":                    "1.2.3",
		"v1.2.3-rc.1":              "1.2.3~rc.1",
		"v1.2.3-4-gabcdef0":        "1.2.3+4.gabcdef0",
		"v1.2.3-rc1-4-gabcdef0":    "1.2.3~rc1+4.gabcdef0",
		"v1.2.3-dirty":             "1.2.3+dirty",
		"97873bc":                  "0~97873bc",
		"1234567":                  "0~1234567", // a commit, and no version
		"devel":                    "0~devel",
		"v1.2.3-4-gabcdef0-dirty":  "1.2.3+4.gabcdef0+dirty",
		"my-branch-4-gabcdef0":     "0~my.branch+4.gabcdef0",
		"97873bc-dirty":            "0~97873bc+dirty",
		"v10":                      "0~10",
		"v2026.11":                 "2026.11",
		"v1.0.0-beta.2-12-g0a0a0a": "1.0.0~beta.2+12.g0a0a0a",
	} {
		if got, err := packageVersion(v); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", v, got, err, want)
		}
	}
	for _, v := range []string{"", "1.2 3", "1.2/3", "1:2", "ü", "1.2_3"} {
		if got, err := packageVersion(v); err == nil {
			t.Errorf("%q: %q", v, got)
		}
	}
}

// dpkg and rpm, which decide what is an upgrade, see versions in the order in which they come.
func TestOrderOfVersions(t *testing.T) {
	order := []string{"97873bc", "v1.2.3-beta.1", "v1.2.3-rc.1", "v1.2.3-rc.1-2-gabc", "v1.2.3", "v1.2.3-4-gabcdef0", "v1.2.3-14-gabcdef0", "v1.2.4-rc.1", "v1.2.4", "v1.10.0"}
	for i := range order[1:] {
		a, errA := packageVersion(order[i])
		b, errB := packageVersion(order[i+1])
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if err := exec.CommandContext(t.Context(), "dpkg", "--compare-versions", a+"-1", "lt", b+"-1").Run(); err != nil {
			t.Errorf("dpkg: %s is not before %s: %v", a, b, err)
		}
		out, err := exec.CommandContext(t.Context(), "rpm", "--eval", "%{lua:print(rpm.vercmp('"+a+"', '"+b+"'))}").Output()
		if err != nil || strings.TrimSpace(string(out)) != "-1" {
			t.Errorf("rpm: %s is not before %s: %s, %v", a, b, out, err)
		}
	}
}

func FuzzPackageVersion(f *testing.F) {
	f.Add("v1.2.3-rc.1-4-gabc-dirty")
	f.Fuzz(func(t *testing.T, v string) {
		got, err := packageVersion(v)
		if err == nil && (got == "" || got[0] < '0' || got[0] > '9' || !allowed.MatchString(got)) {
			t.Errorf("%q: %q", v, got)
		}
	})
}

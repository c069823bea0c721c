package rollout

import (
	"cmp"
	"strconv"
	"strings"
)

// CompareVersions compares two versions by their leading numbers (3.4.2 of "3.4.2-a1b2c3", 10.11.6 of "10.11.6-MariaDB", 8.5.0 of "8.0.11-TiDB-v8.5.0"): -1, 0, or 1. known is false
// where one of them has none.
func CompareVersions(a, b string) (order int, known bool) {
	x, y := numbers(a), numbers(b)
	if len(x) == 0 || len(y) == 0 {
		return 0, false
	}
	for i := range max(len(x), len(y)) {
		if order := cmp.Compare(at(x, i), at(y, i)); order != 0 {
			return order, true
		}
	}
	return 0, true
}

func at(list []int, i int) int {
	if i < len(list) {
		return list[i]
	}
	return 0
}

// numbers are those that a version begins with.
func numbers(version string) (list []int) {
	version = strings.TrimSpace(version)
	if _, own, ok := strings.Cut(version, "-TiDB-"); ok {
		version = own // what goes before is the MySQL version that it plays
	}
	for _, prefix := range []string{"doris-", "v", "V"} {
		version = strings.TrimPrefix(version, prefix)
	}
	for part := range strings.SplitSeq(version, ".") {
		digits := 0
		for digits < len(part) && part[digits] >= '0' && part[digits] <= '9' {
			digits++
		}
		n, err := strconv.Atoi(part[:digits])
		if err != nil {
			break
		}
		list = append(list, n)
		if digits < len(part) {
			break
		}
	}
	return list
}

// SameVersion tells whether a node that tells its version as told has the one that was asked for: 3.4.2 has "3.4.2-a1b2c3", 3.4 has 3.4.2, and "11.4" has "11.4.5-MariaDB".
func SameVersion(told, asked string) bool {
	if told == asked {
		return true
	}
	x, y := numbers(told), numbers(asked)
	if len(y) == 0 || len(x) < len(y) {
		return false
	}
	for i, n := range y {
		if x[i] != n {
			return false
		}
	}
	_, build, _ := strings.Cut(asked, "-")
	return build == "" || strings.Contains(told, build)
}

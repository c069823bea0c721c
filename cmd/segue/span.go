package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"
)

// span is a flag that is a time span between bounds: what is not bounded is added to a time somewhere, and then is in the past.
type span struct {
	value       *time.Duration
	least, most time.Duration
}

// aboveZero is the least time span that is one.
const aboveZero = time.Duration(1)

// addSpan defines such a flag on f.
func addSpan(f *pflag.FlagSet, name string, value, least, most time.Duration, usage string) *time.Duration {
	spanVar(f, &value, name, least, most, usage)
	return &value
}

// spanVar defines one that is kept in value, where its default is.
func spanVar(f *pflag.FlagSet, value *time.Duration, name string, least, most time.Duration, usage string) {
	f.Var(span{value, least, most}, name, usage)
}

// Set implements pflag.Value.
func (s span) Set(text string) error {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return fmt.Errorf("write a number with its unit: 200ms, 2s, 1m")
	case d < s.least && s.least == aboveZero:
		return fmt.Errorf("write a time above zero")
	case d < s.least:
		return fmt.Errorf("write %s or more", s.least)
	case d > s.most:
		return fmt.Errorf("write %s or less", s.most)
	}
	*s.value = d
	return nil
}

// String implements pflag.Value.
func (s span) String() string {
	if s.value == nil || *s.value == 0 {
		return "0" // which pflag shows as no default
	}
	return s.value.String()
}

// Type implements pflag.Value.
func (s span) Type() string { return "duration" }

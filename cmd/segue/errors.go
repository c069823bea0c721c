package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"segue/config"
)

// failure is an error as JSON. Every command that was asked for JSON tells its errors so, on stderr.
type failure struct {
	Error    string           `json:"error"`
	Problems []config.Problem `json:"problems,omitempty"` // of a configuration
}

// wantsJSON reports whether a command line asks for JSON, also if it cannot be read otherwise.
func wantsJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	wants := false
	for i, arg := range args {
		value, ok := "", true
		switch {
		case (arg == "-o" || arg == "--output") && i+1 < len(args):
			value = args[i+1]
		case strings.HasPrefix(arg, "--output="):
			value = strings.TrimPrefix(arg, "--output=")
		case strings.HasPrefix(arg, "-o"):
			value = strings.TrimPrefix(strings.TrimPrefix(arg, "-o"), "=")
		default:
			ok = false
		}
		if ok {
			wants = value == string(formatJSON)
		}
	}
	return wants
}

// printError tells what has kept a command from doing what it was asked to.
func printError(w io.Writer, asJSON bool, err error) {
	text := strings.TrimRight(err.Error(), "\n")
	problems, ofConfiguration := errors.AsType[*config.Problems](err)
	switch {
	case asJSON:
		f := failure{Error: text}
		if ofConfiguration {
			f.Problems = problems.List
		}
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(f) // there is nobody left to tell
	case ofConfiguration:
		fmt.Fprintln(w, text)
	default:
		fmt.Fprintln(w, "segue: "+text)
	}
}

// Package deploy is what is installed beside the program.
package deploy

import _ "embed" // for Example

// Example is a configuration with every key, its default, and what it is.
//
//go:embed segue.example.yaml
var Example []byte

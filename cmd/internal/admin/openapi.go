package admin

import (
	_ "embed" // for description
	"net/http"
)

// description is the API in the language of OpenAPI. Tests hold it to the routes, the types and the answers.
//
//go:embed openapi.yaml
var description []byte

func openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(description)
}

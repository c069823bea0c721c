package admin

import (
	"embed"
	"net/http"
)

// The status page. It loads nothing from anywhere else.
//
//go:embed status.html status.css status.js
var pages embed.FS

// page serves one of pages.
func page(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		data, err := pages.ReadFile(name)
		if err != nil { // a name that is not embedded: a bug of ours
			refuse(w, http.StatusInternalServerError, err.Error())
			return
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(data)
	}
}

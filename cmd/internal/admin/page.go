package admin

import (
	"embed"
	"net/http"
	"path"
	"strings"
)

// The status page. It loads nothing from anywhere else.
//
//go:embed page
var pages embed.FS

// pagePath is where its files are, but for the page itself.
const pagePath = "/page/"

// addPage serves the page.
func addPage(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { servePage(w, "index.html") })
	mux.HandleFunc("GET "+pagePath+"{file}", func(w http.ResponseWriter, r *http.Request) { servePage(w, r.PathValue("file")) })
}

// isPage tells whether a path is of the page, which says nothing but what is in the program.
func isPage(path string) bool {
	file, of := strings.CutPrefix(path, pagePath)
	return path == "/" || of && !strings.Contains(file, "/")
}

func servePage(w http.ResponseWriter, name string) {
	data, err := pages.ReadFile("page/" + name)
	if err != nil {
		refuse(w, http.StatusNotFound, "the status page has no "+quote(name))
		return
	}
	w.Header().Set("Content-Type", contentType(name))
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(data)
}

// contentType is by a name's ending: the same on all machines, whatever they say of it.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "application/octet-stream"
}

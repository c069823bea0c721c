package route

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// nodeParameter is how a rewritten ErrorURL says whose log it is.
const nodeParameter = "segue_node"

const errorLogPath = "/api/_load_error_log"

// errorLog reads whose log is wanted, and takes that from what is sent on.
func (r *Request) errorLog(query string) error {
	r.Kind = ErrorLog
	var rest []string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name != nodeParameter {
			rest = append(rest, pair)
			continue
		}
		node, err := url.QueryUnescape(value)
		if err != nil || r.Node != "" {
			return fmt.Errorf("%s must be given once, as HOST:PORT", nodeParameter)
		}
		r.Node = node
	}
	r.URI, _, _ = strings.Cut(r.URI, "?")
	if len(rest) > 0 && query != "" {
		r.URI += "?" + strings.Join(rest, "&")
	}
	return nil
}

// RewriteErrorURL has the ErrorURL in an answer's JSON lead through Segue at base ("http://127.0.0.1:8030"), so that who cannot reach BEs can read it too.
// The rest of the body stays byte for byte, and all of it where there is no such URL.
func RewriteErrorURL(body []byte, base string) []byte {
	from, to, value := findErrorURL(body)
	if to == 0 {
		return body
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != errorLogPath || u.RawQuery == "" {
		return body
	}
	host := u.Host
	if u.Port() == "" {
		host += ":80"
	}
	text, err := json.Marshal(base + errorLogPath + "?" + u.RawQuery + "&" + nodeParameter + "=" + url.QueryEscape(host))
	if err != nil {
		return body
	}
	text = bytes.ReplaceAll(text, []byte(`\u0026`), []byte("&")) // as the clusters write it: some read it with more than a JSON parser
	return bytes.Join([][]byte{body[:from], text, body[to:]}, nil)
}

// findErrorURL finds the value of ErrorURL in an object: its bytes with quotes are body[from:to].
func findErrorURL(body []byte) (from, to int, value string) {
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return 0, 0, ""
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return 0, 0, ""
		}
		before := int(d.InputOffset())
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return 0, 0, ""
		}
		name, _ := key.(string)
		if !strings.EqualFold(name, "ErrorURL") || json.Unmarshal(raw, &value) != nil {
			continue
		}
		to = int(d.InputOffset())
		from = before + bytes.IndexByte(body[before:to], '"')
		return from, to, value
	}
	return 0, 0, ""
}

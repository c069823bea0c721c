package proxy

import (
	"segue/backend/compress"
)

// Compression is each side's own affair, as TLS is: what a session reads and writes is not compressed, its connections are (loop.Conn.Code).

// compress has the client's side compressed from now on. What it has said already is.
func (f *front) compress(a compress.Algorithm) {
	if a != compress.Off {
		f.Code(compress.New(a, true), f.rest)
		f.put(nil)
	}
}

// compress has the connection to the backend compressed from now on: what follows the login on it.
func (l *link) compress(a compress.Algorithm) {
	if a != compress.Off {
		l.conn.Code(compress.New(a, false), nil)
	}
}

// answered is called when something has been sent to the client: its codec is to know where answers end.
func (f *front) answered() {
	if k, ok := f.Codec().(*compress.Codec); ok && f.session.track.Opaque() == 0 && f.session.track.Outstanding() == 0 {
		k.Settled()
	}
}

// answered is called when what the backend has said has been heard.
func (l *link) answered() {
	k, ok := l.conn.Codec().(*compress.Codec)
	if s := l.session; ok && s.back == l && s.track.Opaque() == 0 && s.track.Outstanding() == 0 && !s.track.OwnOutstanding() {
		k.Settled()
	}
}

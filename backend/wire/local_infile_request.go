package wire

// LocalInfileRequest is LOCAL INFILE Request: the server asks the client for a file.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_local_infile_request.html
type LocalInfileRequest struct {
	Filename string
}

// Decode reads a LOCAL INFILE Request.
func (m *LocalInfileRequest) Decode(payload []byte) error {
	d := newDecoder("LOCAL INFILE Request", payload)
	d.first(headerInfile)
	*m = LocalInfileRequest{Filename: string(d.end())}
	return d.done()
}

// Append appends the payload of the request.
func (m *LocalInfileRequest) Append(dst []byte) []byte {
	return append(append(dst, headerInfile), m.Filename...)
}

package config

import (
	"time"

	"go.yaml.in/yaml/v3"
)

// AdminOf tells where a file has the admin API, and the certificate that it shows there, if any, whatever else is wrong with the file: whoever asks a Segue that runs
// whether it does is not to be told that its file has got a problem meanwhile. What cannot be read is as by default, and so is
// what has not been read within patience (zero: that of all files), for each of the two files.
func AdminOf(path string, patience time.Duration) (address string, certificate []byte) {
	address = Default().Admin
	files := new(reader)
	files.Patience = patience
	data, err := files.config(path)
	if err != nil {
		return address, nil
	}
	var file yaml.Node
	if yaml.Unmarshal(data, &file) != nil || len(file.Content) != 1 {
		return address, nil
	}
	if at := valueOf(file.Content[0], "admin"); at != nil && at.Kind == yaml.ScalarNode && at.Value != "" {
		address = at.Value
	}
	cert := valueOf(valueOf(file.Content[0], "admin_tls"), "cert_file")
	if cert == nil || cert.Kind != yaml.ScalarNode {
		return address, nil
	}
	certificate, _ = files.keyFile(beside(path, cert.Value)) // without it, it is another's to vouch for
	return address, certificate
}

// valueOf is what a mapping has for a key; nil: it has none, or is none.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

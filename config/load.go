package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"segue/backend/files"
)

// MaxFileSize is the largest file that is read, in bytes. A thousand backends
// take a tenth of it.
const MaxFileSize = 1 << 20

// maxSecretSize is the largest password_file that is read, in bytes.
const maxSecretSize = 64 << 10

// Load reads the file at path and returns its configuration, or *Problems.
// An empty path means no file: the defaults and the overrides.
func Load(path string, overrides ...Override) (*Config, error) {
	if path == "" {
		return Parse("", nil, overrides...)
	}
	data, err := new(reader).config(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, overrides...)
}

// Parse is Load with the bytes at hand. The name is what problems are reported
// under; a relative password_file is looked up in the name's folder.
func Parse(name string, data []byte, overrides ...Override) (*Config, error) {
	c, _, err := parseSeen(name, data, overrides, new(reader))
	return c, err
}

// parseSeen also tells what was read, whatever came of it.
func parseSeen(name string, data []byte, overrides []Override, from *reader) (*Config, seen, error) {
	p := newParser(name, from)
	if len(data) > MaxFileSize {
		p.problems = append(p.problems, tooLarge(name))
		return nil, p.seen(data), &Problems{List: p.problems}
	}
	c := Default()
	raw := &document{config: c}
	keys := p.schema(raw)
	p.readFile(data, keys)
	p.readOverrides(overrides, keys)
	p.finish(raw)
	if len(p.problems) > 0 {
		return nil, p.seen(data), (&Problems{List: p.problems}).sorted()
	}
	c.seen = p.seen(data)
	return c, c.seen, nil
}

// reader reads the files of one configuration. One that is kept while it is read again and again knows which of them hang.
type reader struct{ files.Reader }

// config returns the bytes of the file itself, or *Problems.
func (r *reader) config(path string) ([]byte, error) {
	data, err := r.Read(path, MaxFileSize)
	switch {
	case errors.Is(err, files.ErrTooLarge):
		return nil, &Problems{List: []Problem{tooLarge(path)}}
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Problems{List: []Problem{{
			Source: path, What: "no such file", Remedy: "name an existing file with --config or SEGUE_CONFIG",
		}}}
	case errors.Is(err, files.ErrNoAnswer):
		return nil, &Problems{List: []Problem{{
			Source: path, What: "cannot be read: " + cause(err), Remedy: "`mount` says where it is; a copy on a disk of this machine does not hang",
		}}}
	case err != nil:
		return nil, &Problems{List: []Problem{{
			Source: path, What: "cannot be read: " + cause(err), Remedy: "check its permissions and that it is a file",
		}}}
	}
	return data, nil
}

func tooLarge(name string) Problem {
	return Problem{
		Source: name,
		What:   fmt.Sprintf("is larger than %d KiB", MaxFileSize>>10),
		Remedy: "is it a Segue configuration?",
	}
}

// ReadSecret returns the secret that a file has in its only line.
func ReadSecret(path string) (string, error) { return new(reader).secret(path) }

// secret returns the file's first line: editors and `echo` end it with a
// newline that is not part of the secret.
func (r *reader) secret(path string) (string, error) {
	data, err := r.Read(path, maxSecretSize)
	if err != nil {
		return "", err
	}
	line, rest, _ := strings.Cut(string(data), "\n")
	if strings.TrimSpace(rest) != "" {
		return "", errors.New("has more than one line")
	}
	return strings.TrimSuffix(line, "\r"), nil
}

// cause is err without the operation and the path, which the problem names
// already.
func cause(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err.Error()
	}
	return err.Error()
}

// beside resolves path against the folder of the file called name.
func beside(name, path string) string {
	if filepath.IsAbs(path) || name == "" {
		return path
	}
	return filepath.Join(filepath.Dir(name), path)
}

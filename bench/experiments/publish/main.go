// Publish writes what the experiments gave into the documents: it is the last step of
// `make experiments`.
//
//	publish DIRECTORY    in the repository's root; DIRECTORY has the files of bench/experiments/run.sh, or those of pool/pool.sh
//
// A table stands in bench/README.md between <!-- begin EXPERIMENT-SERVERS --> and
// <!-- end -->, and is replaced when there is a result of every front. The short table
// of deploy/docs/explanation/measured.md is made from those of bench/README.md, so that the two agree. Pictures
// that a document shows are replaced by those of the same name, together with their table.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"segue/bench/measure"
	"segue/bench/report"
)

const (
	front = "deploy/docs/explanation/measured.md"
	whole = "bench/README.md"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: publish DIRECTORY, in the repository's root")
		os.Exit(2)
	}
	if err := publish(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "publish: %v\n", err)
		os.Exit(1)
	}
}

// publish replaces what there are results for.
func publish(dir string) error {
	text, err := os.ReadFile(whole)
	if err != nil {
		return fmt.Errorf("%w; run it in the repository's root", err)
	}
	short, err := os.ReadFile(front)
	if err != nil {
		return err
	}
	doc, fresh, inSummary := string(text), map[string]bool{}, false
	for _, s := range allSeries() {
		runs, missing, err := s.read(dir)
		switch {
		case err != nil:
			return err
		case len(runs) == 0:
			continue
		case len(missing) > 0:
			fmt.Printf("%s: no result of %v, its table stays as it is\n", s, missing)
			continue
		}
		machines, err := s.notes(dir, "machine")
		if err != nil {
			return err
		}
		loads, err := s.notes(dir, "load")
		if err != nil {
			return err
		}
		if doc, err = splice(doc, s.String(), section(runs, distinct(machines), loads)); err != nil {
			return fmt.Errorf("%s: %w", whole, err)
		}
		fresh[s.String()+".svg"] = true
		inSummary = inSummary || s.summarized()
		fmt.Printf("%s: in %s\n", s, whole)
	}
	if doc, err = splicePool(doc, dir); err != nil {
		return err
	}
	all := string(short)
	if inSummary { // else there is nothing new for it
		table, err := summary(doc)
		if err != nil {
			return fmt.Errorf("%s: %w", whole, err)
		}
		if all, err = splice(all, "experiments", table); err != nil {
			return fmt.Errorf("%s: %w", front, err)
		}
	}
	for path, text := range map[string]string{whole: doc, front: all} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
		if err := copyPictures(dir, path, text, fresh); err != nil {
			return err
		}
	}
	return nil
}

// read reads the results of a series. missing are fronts that have none.
func (s series) read(dir string) (runs []*measure.Result, missing []string, err error) {
	for _, name := range s.fronts() {
		f, err := os.Open(filepath.Join(dir, s.String()+"-"+name+".json"))
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, name)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		r, err := report.ReadJSON(f)
		_ = f.Close()
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		runs = append(runs, r)
	}
	return runs, missing, nil
}

// notes are what was noted of each run of a series: the machine that it was made on, and how busy that was before it (load).
func (s series) notes(dir, what string) ([]string, error) {
	var list []string
	for _, name := range s.fronts() {
		text, err := os.ReadFile(filepath.Join(dir, s.String()+"-"+name+"."+what))
		if err != nil {
			return nil, err
		}
		list = append(list, string(text))
	}
	return list, nil
}

// copyPictures refreshes the pictures that a document shows, of those that are fresh.
func copyPictures(dir, path, text string, fresh map[string]bool) error {
	for _, shown := range pictures(text) {
		name := filepath.Base(shown)
		if !fresh[name] {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		to := filepath.Join(filepath.Dir(path), shown)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, data, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

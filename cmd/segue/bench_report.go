package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"segue/bench/measure"
	"segue/bench/report"
)

// reportPaths are the files of a run.
func reportPaths(base string) (paths []string) {
	for _, suffix := range []string{".html", ".json", ".csv", ".svg", ".png"} {
		paths = append(paths, base+suffix)
	}
	return paths
}

// mayWrite finds out whether files can be written, before anything is done for what is to be in them. One that is there is replaced if that is said.
func mayWrite(force bool, paths ...string) error {
	for _, path := range paths {
		if path == "" {
			continue
		}
		_, err := os.Stat(path)
		there := err == nil
		if there && !force {
			return fmt.Errorf("%s is there already; name other files, or say --force to replace it", path)
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
		if err != nil {
			return fmt.Errorf("reports cannot be written: %w", err)
		}
		err = f.Close()
		if !there {
			err = errors.Join(err, os.Remove(path))
		}
		if err != nil {
			return fmt.Errorf("reports cannot be written: %w", err)
		}
	}
	return nil
}

// writeReports writes the files of a run.
func (w *world) writeReports(base string, r *measure.Result) error {
	for _, file := range []struct {
		suffix string
		write  func(io.Writer) error
	}{
		{".html", func(out io.Writer) error { return report.WriteHTML(out, []*measure.Result{r}) }},
		{".json", func(out io.Writer) error { return report.WriteJSON(out, r) }},
		{".csv", func(out io.Writer) error { return report.WriteCSV(out, r) }},
		{".svg", func(out io.Writer) error { return writeText(out, report.Slide([]*measure.Result{r})) }},
		{".png", func(out io.Writer) error { return report.WritePNG(out, []*measure.Result{r}) }},
	} {
		if err := writeTo(base+file.suffix, file.write); err != nil {
			return err
		}
	}
	path, err := filepath.Abs(base)
	if err != nil {
		path = base
	}
	fmt.Fprintf(w.stdout, "reports: %s.html, .json, .csv, .svg, .png\n", path)
	return nil
}

func writeText(out io.Writer, text string) error {
	_, err := io.WriteString(out, text)
	return err
}

func writeTo(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create report: %w", err)
	}
	return errors.Join(write(f), f.Close())
}

func (w *world) benchCompareCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "compare A.json B.json …",
		Short: "Put runs of segue bench side by side, in the terminal and on a page",

		ValidArgsFunction: files("json"),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return errors.New("name two or more JSON files of segue bench")
			}
			return nil
		},
	}
	html := cmd.Flags().String("html", "segue-compare.html", "`file` of the page; empty: none")
	svg := cmd.Flags().String("svg", "", "`file` of the picture, for a slide; empty: none")
	png := cmd.Flags().String("png", "", "`file` of the same picture as PNG; empty: none")
	markdown := cmd.Flags().String("markdown", "", "`file` of a short table, for a document; empty: none")
	force := cmd.Flags().Bool("force", false, "replace files that are there already")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		page := *html
		if !cmd.Flags().Changed("html") {
			page = "" // the page of the last comparison makes room for that of the next
		}
		if err := mayWrite(*force, page, *svg, *png, *markdown); err != nil {
			return usageError{err}
		}
		if err := mayWrite(true, *html); err != nil {
			return usageError{err}
		}
		var runs []*measure.Result
		for _, path := range args {
			r, err := readResult(path)
			if err != nil {
				return usageError{err}
			}
			runs = append(runs, r)
		}
		report.Distinct(runs)
		fmt.Fprint(w.stdout, report.Comparison(runs, w.style()))
		if *html != "" {
			if err := writeTo(*html, func(out io.Writer) error { return report.WriteHTML(out, runs) }); err != nil {
				return err
			}
			fmt.Fprintf(w.stdout, "\npage: %s\n", *html)
		}
		if *svg != "" {
			if err := writeTo(*svg, func(out io.Writer) error { return writeText(out, report.Slide(runs)) }); err != nil {
				return err
			}
		}
		if *png != "" {
			if err := writeTo(*png, func(out io.Writer) error { return report.WritePNG(out, runs) }); err != nil {
				return err
			}
		}
		if *markdown != "" {
			return writeTo(*markdown, func(out io.Writer) error { return writeText(out, report.Markdown(runs)) })
		}
		return nil
	}
	return cmd
}

func readResult(path string) (*measure.Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := report.ReadJSON(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func (w *world) benchMarkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "mark TEXT",
		Short:   "Put a mark into the report of a bench that is running with --mark",
		Example: "  segue bench mark 'fe-1 is told to leave'\n  curl -d 'fe-1 is told to leave' http://" + measure.DefaultControl + "/mark",
		Args:    cobra.ExactArgs(1),
	}
	to := cmd.Flags().String("to", measure.DefaultControl, "control `address` of the bench")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return measure.PostMark(cmd.Context(), *to, args[0])
	}
	return cmd
}

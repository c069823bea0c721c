package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// manCommand writes the manual's pages, for whoever packs the program: hidden, as nobody else needs it.
func (w *world) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man FOLDER",
		Short:  "Write the manual's pages (man 1) into a folder",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("make the folder: %w", err)
			}
			m := manual{version: readBuild().Version}
			if seconds, err := strconv.ParseInt(w.getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
				m.date = time.Unix(seconds, 0).UTC().Format(time.DateOnly)
			}
			for _, p := range m.pages(cmd.Root()) {
				if err := os.WriteFile(filepath.Join(args[0], p.name), []byte(p.text), 0o644); err != nil {
					return fmt.Errorf("write a page: %w", err)
				}
			}
			return nil
		},
	}
}

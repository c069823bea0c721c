package e2e

import (
	"fmt"
	"sync"
	"testing"

	"segue/backend/fesim"
)

// TestLoadClients has each client load in each of its ways through Segue, while nothing happens: all is acknowledged, and there once.
func TestLoadClients(t *testing.T) {
	f := startLoads(t, fesim.Options{})
	directory := t.TempDir()
	var running sync.WaitGroup
	for i, c := range loadClients() {
		l := c.start(t, f.url)
		running.Go(func() {
			for _, way := range c.ways {
				file := writeLoadRows(t, directory, fmt.Sprintf("clients-%d-%s", i, way), way, 40)
				label := file.label
				if way == "plain" {
					label = "-" // Segue's own
				}
				v, text := l.load(way, loadDatabase+"/"+loadTable, label, file.path)
				least, most := f.found(file)
				judgeTold(t, c.name+" "+way, v, text, least, most)
				if v != loaded {
					t.Errorf("%s %s: %s: %s", c.name, way, v, text)
				}
			}
		})
	}
	running.Wait()
}

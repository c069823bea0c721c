package kubernetes

import (
	"log/slog"
	"os"
	"testing"
)

// TestMain keeps Helm from saying at each load that the chart has links.
func TestMain(m *testing.M) {
	slog.SetLogLoggerLevel(slog.LevelWarn)
	os.Exit(m.Run())
}

package backend

import (
	"fmt"
	"slices"
)

// Health is what probing says about a backend.
//
//	unknown → up ⇄ stopping ⇄ down ⇄ up
//
// Any health may follow any other, but nothing goes back to unknown: see nextHealth.
type Health uint8

// The healths. The zero value is Unknown.
const (
	Unknown  Health = iota // not probed often enough to say
	Up                     // every check has passed; it may be full nevertheless, see Full
	Stopping               // it answers, and says that it is leaving
	Down                   // it does not answer, or not as it should
	numHealths
)

// Healths lists every health, in the order of their values.
func Healths() []Health { return []Health{Unknown, Up, Stopping, Down} }

var healthNames = [numHealths]string{Unknown: "unknown", Up: "up", Stopping: "stopping", Down: "down"}

// nextHealth lists the healths that may follow each health.
var nextHealth = [numHealths][]Health{
	Unknown:  {Up, Stopping, Down},
	Up:       {Stopping, Down},
	Stopping: {Up, Down},
	Down:     {Up, Stopping},
}

// checkHealth panics unless the health to may follow from.
func checkHealth(name string, from, to Health) {
	if from >= numHealths || !slices.Contains(nextHealth[from], to) {
		panic(fmt.Sprintf("backend: %s: health %v -> %v", name, from, to))
	}
}

// String gives the health's name as it stands in logs, metrics and admin answers.
func (h Health) String() string { return nameOf("health", healthNames[:], h) }

// ParseHealth is the reverse of [Health.String].
func ParseHealth(text string) (Health, error) {
	return parseName[Health]("health", healthNames[:], text)
}

// MarshalText implements [encoding.TextMarshaler].
func (h Health) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (h *Health) UnmarshalText(text []byte) error {
	v, err := ParseHealth(string(text))
	if err == nil {
		*h = v
	}
	return err
}

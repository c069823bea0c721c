// Package report shows what measure has measured: a live line and a summary in the
// terminal, one self-contained page, a picture, JSON and CSV; and several runs side
// by side. It is given results and writes them: no clock, no network.
package report

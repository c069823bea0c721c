package simulate

import (
	"math/rand/v2"
	"time"
)

// dice are one player's randomness.
type dice struct{ *rand.Rand }

// player says whose dice they are.
type player uint64

const (
	ofClient player = iota + 1
	ofServer
	ofLink // of a server's
	ofWire // between two
	ofOperator
	ofWorld
	ofCore
	ofScene
	ofHappening
)

func newDice(seed uint64, of player, number int) dice {
	return dice{rand.New(rand.NewPCG(mix(seed+uint64(of)<<56), mix(uint64(number)+1)))}
}

// mix is a step of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// one reports true once in n.
func (d dice) one(n int) bool { return d.IntN(n) == 0 }

// chance reports true in so many of a thousand cases.
func (d dice) chance(permille int) bool { return d.IntN(1000) < permille }

// span is a time up to most, short ones being the likeliest, in steps of tick so that things come together.
func (d dice) span(most time.Duration) int64 {
	most >>= uint(d.IntN(8))
	return d.Int64N(int64(most/tick)+1) * int64(tick)
}

// tick is the grain of time.
const tick = 100 * time.Microsecond

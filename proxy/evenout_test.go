package proxy

import (
	"math/rand/v2"
	"testing"
)

func TestEven(t *testing.T) {
	for name, test := range map[string]struct {
		shares  []share
		from, n int // to follows
		to      int
	}{
		"one alone":                           {[]share{{1, 100}}, 0, 0, 0},
		"little to do":                        {[]share{{0.45, 10}, {0, 0}}, 0, 0, 1},
		"a new one":                           {[]share{{1, 16}, {0, 0}}, 0, 8, 1},
		"one session is all that there is":    {[]share{{1, 1}, {0, 0}}, 0, 0, 1},
		"two":                                 {[]share{{0.9, 2}, {0, 0}}, 0, 1, 1},
		"about even":                          {[]share{{0.8, 10}, {0.6, 10}}, 0, 0, 1},
		"one has more to do":                  {[]share{{0.3, 6}, {0.9, 9}}, 1, 3, 0},
		"by time, not by number":              {[]share{{0.9, 2}, {0.2, 50}}, 0, 1, 1},
		"both full, and unevenly":             {[]share{{0.98, 13}, {0.99, 3}}, 0, 5, 1},
		"both full, and about even":           {[]share{{0.99, 9}, {0.98, 7}}, 0, 0, 1},
		"both full, and few":                  {[]share{{0.99, 2}, {0.98, 1}}, 0, 0, 1},
		"the fullest is not the most crowded": {[]share{{0.95, 2}, {0.9, 8}, {0.92, 4}}, 1, 3, 0},
		"three":                               {[]share{{0.9, 12}, {0.5, 5}, {0.1, 1}}, 0, 5, 2},
	} {
		if from, to, n := evenOut(test.shares); n != test.n || n > 0 && (from != test.from || to != test.to) {
			t.Errorf("%s: %d from %d to %d, want %d from %d to %d", name, n, from, to, test.n, test.from, test.to)
		}
	}
}

// Whatever loops have to do, a few looks even it out, and then nobody crosses any more.
func TestEvenComesToAnEnd(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		sessions := make([]int, 2+random.IntN(4))
		cost := 0.01 + random.Float64()/10
		for range 200 {
			sessions[random.IntN(len(sessions))*random.IntN(2)]++
		}
		looks := 0
		for ; looks < 100; looks++ {
			var shares []share
			for _, n := range sessions {
				shares = append(shares, share{min(1, float64(n)*cost), n})
			}
			from, to, n := evenOut(shares)
			if n == 0 {
				break
			}
			sessions[from] -= n
			sessions[to] += n
		}
		most, least := 0, 200
		for _, n := range sessions {
			most, least = max(most, n), min(least, n)
		}
		if gap := float64(most-least) * cost; looks == 100 || gap > busyGap+cost && most-least > most/activeGap+1 {
			t.Errorf("seed %d: %v after %d looks, %.2f each", seed, sessions, looks, cost)
		}
	}
}

package main

import (
	"math"
	"slices"
)

// series is a figure of one front by size.
type series struct {
	front  string
	points []point
}

type point struct {
	size int
	spread
}

// at is the median at a size.
func (s *series) at(size int) float64 {
	for _, p := range s.points {
		if p.size == size {
			return p.median
		}
	}
	return math.NaN()
}

// power is the x for which the figure grows as size to the x between the last two sizes: 1 is linear, 0 is not at all.
func (s *series) power() float64 {
	if len(s.points) < 2 {
		return math.NaN()
	}
	a, b := s.points[len(s.points)-2], s.points[len(s.points)-1]
	return math.Log(b.median/a.median) / math.Log(float64(b.size)/float64(a.size))
}

// sizesOf are all sizes, ascending.
func sizesOf(all []grown) (sizes []int) {
	for _, g := range all {
		sizes = append(sizes, g.Size)
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

// seriesOf are those of one figure, of each front that has it, in the order in which the fronts come.
func seriesOf(all []grown, figure string) (list []series) {
	for _, g := range all {
		_, has := g.Figures[figure]
		if has && !slices.ContainsFunc(list, func(s series) bool { return s.front == g.Front }) {
			list = append(list, series{front: g.Front})
		}
	}
	for i := range list {
		for _, size := range sizesOf(all) {
			var figures []float64
			for _, g := range all {
				if f, has := g.Figures[figure]; has && g.Size == size && g.Front == list[i].front {
					figures = append(figures, f)
				}
			}
			if len(figures) > 0 {
				list[i].points = append(list[i].points, point{size, spreadOf(figures)})
			}
		}
	}
	return list
}

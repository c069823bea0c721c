package report

import "math"

// strokes are the rectangles that draw a line, all turned the same way, so that they
// add up where they meet.
func strokes(points []point, width, dash float64) [][]point {
	var all [][]point
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		length := math.Hypot(b.x-a.x, b.y-a.y)
		if length == 0 {
			continue
		}
		dx, dy := (b.x-a.x)/length, (b.y-a.y)/length
		piece := func(from, to float64) {
			at := func(along, aside float64) point { return point{a.x + dx*along - dy*aside, a.y + dy*along + dx*aside} }
			all = append(all, []point{at(from, width/2), at(to, width/2), at(to, -width/2), at(from, -width/2)})
		}
		if dash <= 0 {
			inner := width / 2 // so that corners are full
			piece(-inner*min(1, float64(i-1)), length+inner*min(1, float64(len(points)-1-i)))
			continue
		}
		for from := 0.0; from < length; from += 2 * dash {
			piece(from, min(length, from+dash))
		}
	}
	return all
}

// circle is a disc as a polygon.
func circle(centre point, radius float64) []point {
	const corners = 48
	var all []point
	for i := range corners {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		all = append(all, point{centre.x + radius*cos, centre.y + radius*sin})
	}
	return all
}

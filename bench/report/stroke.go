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
			x, y, w := a.x+dx*from, a.y+dy*from, width/2
			all = append(all, []point{
				{x - dy*w, y + dx*w}, {x + dx*(to-from) - dy*w, y + dy*(to-from) + dx*w},
				{x + dx*(to-from) + dy*w, y + dy*(to-from) - dx*w}, {x + dy*w, y - dx*w},
			})
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

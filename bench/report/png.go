package report

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"segue/bench/measure"
)

// pngScale is how many pixels a CSS pixel has.
const pngScale = 2

// WritePNG writes the picture of [Slide] as PNG, twice as large. Its letters are
// Latin, Greek and Cyrillic; any other is an empty box.
func WritePNG(w io.Writer, runs []*measure.Result) error {
	p, err := newPainter(drawFigure(runs, true))
	if err == nil {
		err = png.Encode(w, p.sheet)
	}
	if err != nil {
		return fmt.Errorf("write PNG: %w", err)
	}
	return nil
}

// painter paints one figure.
type painter struct {
	sheet         *image.RGBA
	left, top     float64 // of the figure
	colours       map[string]string
	styles        map[string]style
	regular, bold *opentype.Font
}

// newPainter paints a figure.
func newPainter(f *figure) (*painter, error) {
	p := &painter{
		sheet: image.NewRGBA(image.Rect(0, 0, int(f.width*pngScale), int(f.height*pngScale))),
		left:  f.left, top: f.top, colours: light(), styles: map[string]style{},
	}
	for _, s := range styles() {
		p.styles[s.class] = s.style
	}
	var err error
	if p.regular, err = opentype.Parse(goregular.TTF); err != nil {
		return nil, err
	}
	if p.bold, err = opentype.Parse(gobold.TTF); err != nil {
		return nil, err
	}
	for _, s := range f.shapes {
		if err := p.paint(&s); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// styled is what classes say, over a beginning.
func (p *painter) styled(s style, classes string) style {
	for class := range strings.FieldsSeq(classes) {
		s = s.over(p.styles[class])
	}
	return s
}

// ink is a colour by name.
func (p *painter) ink(name string, opacity float64) image.Image {
	c := color.NRGBA{A: 255}
	if _, err := fmt.Sscanf(p.colours[name], "#%02x%02x%02x", &c.R, &c.G, &c.B); err != nil {
		return image.Transparent
	}
	if opacity > 0 {
		c.A = uint8(opacity * 255)
	}
	return image.NewUniform(c)
}

// at is a point of the figure in pixels; one that is far off the sheet is drawn
// nearer, where it is not seen either.
func (p *painter) at(q point) point {
	near := func(v, size float64) float64 { return max(-size, min(v*pngScale, 2*size)) }
	size := p.sheet.Bounds().Size()
	return point{near(q.x-p.left, float64(size.X)), near(q.y-p.top, float64(size.Y))}
}

func (p *painter) paint(s *shape) error {
	look := p.styled(style{}, s.class)
	var points []point
	for _, q := range s.points {
		points = append(points, p.at(q))
	}
	switch s.kind {
	case filled:
		p.fill(p.ink(look.fill, look.opacity), points)
	case drawn:
		p.fill(p.ink(look.stroke, look.opacity), strokes(points, look.width*pngScale, look.dash*pngScale)...)
	case round:
		p.fill(p.ink(look.fill, look.opacity), circle(points[0], s.radius*pngScale))
	case lettered:
		return p.set(points[0], s.words)
	}
	return nil
}

// fill paints polygons as one.
func (p *painter) fill(ink image.Image, polygons ...[]point) {
	var box image.Rectangle
	for _, polygon := range polygons {
		for _, q := range polygon {
			x, y := int(math.Floor(q.x)), int(math.Floor(q.y))
			box = box.Union(image.Rect(x, y, x+2, y+2))
		}
	}
	box = box.Intersect(p.sheet.Bounds())
	if box.Empty() {
		return
	}
	z := vector.NewRasterizer(box.Dx(), box.Dy())
	for _, polygon := range polygons {
		for i, q := range polygon {
			x := float32(max(0, min(q.x-float64(box.Min.X), float64(box.Dx()))))
			y := float32(max(0, min(q.y-float64(box.Min.Y), float64(box.Dy()))))
			if i == 0 {
				z.MoveTo(x, y)
			} else {
				z.LineTo(x, y)
			}
		}
		z.ClosePath()
	}
	z.Draw(p.sheet, box, ink, image.Point{})
}

// set sets words from a point on.
func (p *painter) set(at point, all []words) error {
	for _, w := range all {
		look := p.styled(letters(), w.class)
		of := p.regular
		if look.bold {
			of = p.bold
		}
		face, err := opentype.NewFace(of, &opentype.FaceOptions{Size: look.size * pngScale, DPI: 72})
		if err != nil {
			return err
		}
		width := float64(font.MeasureString(face, w.text)) / 64
		x := at.x
		switch look.anchor {
		case "middle":
			x -= width / 2
		case "end":
			x -= width
		}
		d := font.Drawer{Dst: p.sheet, Src: p.ink(look.fill, 0), Face: face, Dot: fixed.Point26_6{X: fixed.Int26_6(x * 64), Y: fixed.Int26_6(at.y * 64)}}
		d.DrawString(w.text)
		at.x += width + wordGap*pngScale
	}
	return nil
}

package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"strings"

	"realdocd/test/manual"
)

// plotDir is where the plots of the documentation are, from the top of the source tree.
const plotDir = "test/bench/plots"

// drawPlots writes requests/s and p99 over the number of clients as SVG, with the rest of the
// documentation.
func drawPlots(paths []*path) error {
	if !manual.Writes() {
		return nil
	}
	if err := os.MkdirAll(plotDir, 0o755); err != nil {
		return err
	}
	for _, p := range []plot{
		{"rate", "requests a second", rates, false},
		{"p99", "p99, ms", p99, true},
	} {
		file := plotDir + "/" + p.name + ".svg"
		if err := os.WriteFile(file, []byte(p.svg(paths, visitors)), 0o644); err != nil {
			return err
		}
		fmt.Println("written:", file)
	}
	return nil
}

// A plot has a line for each path, over the number of clients.
type plot struct {
	name, title string
	value       func(*figures) []float64
	logarithmic bool
}

// The drawing, in its own units.
const (
	plotWidth, plotHeight        = 640, 360
	plotLeft, plotTop            = 64, 40
	plotRight, plotBottom        = 130, 44
	plotInnerWidth, plotInnerTop = plotWidth - plotLeft - plotRight, plotHeight - plotTop - plotBottom
)

// lineColours are told apart by people who do not see red and green as two.
var lineColours = []string{"#000000", "#0072b2", "#009e73", "#e69f00", "#d55e00", "#999999"}

func (p plot) svg(paths []*path, clients []int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<text x="%d" y="20" font-size="14">%s, over the number of clients</text>`+"\n", plotLeft, html.EscapeString(p.title))
	most := 0.0
	for _, way := range paths {
		for _, n := range clients {
			most = max(most, median(p.value(way.with[n])))
		}
	}
	marks := p.marks(most)
	top := marks[len(marks)-1]
	for _, mark := range marks {
		y := p.y(mark, marks[0], top)
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#dddddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
			plotLeft, plotLeft+plotInnerWidth, y, y, plotLeft-8, y+4, mark)
	}
	for i, n := range clients {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", x(i, len(clients)), plotHeight-20, n)
	}
	names := spread(paths, func(way *path) float64 {
		return p.y(median(p.value(way.with[clients[len(clients)-1]])), marks[0], top)
	})
	for i, way := range paths {
		var points []string
		for j, n := range clients {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(j, len(clients)), p.y(median(p.value(way.with[n])), marks[0], top)))
		}
		colour := lineColours[i%len(lineColours)]
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colour)
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" fill="%s">%s</text>`+"\n", plotLeft+plotInnerWidth+8, names[i], colour, html.EscapeString(way.name))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func x(i, n int) float64 {
	return plotLeft + float64(plotInnerWidth)*float64(i)/float64(max(n-1, 1))
}

func (p plot) y(value, least, most float64) float64 {
	share := (value - least) / (most - least)
	if p.logarithmic {
		share = math.Log(max(value, least)/least) / math.Log(most/least)
	}
	return plotTop + plotInnerTop*(1-share)
}

// marks are the values that have a line, from the least to one that is not below most.
func (p plot) marks(most float64) []float64 {
	if p.logarithmic {
		marks := []float64{1}
		for last := 1.0; last < most; {
			last *= 2
			marks = append(marks, last)
		}
		if len(marks) == 1 {
			marks = append(marks, 2)
		}
		return marks
	}
	step := math.Pow(10, math.Floor(math.Log10(max(most, 1))))
	if most/step < 3 {
		step /= 2
	}
	marks := []float64{0}
	for last := 0.0; last < most; {
		last += step
		marks = append(marks, last)
	}
	return marks
}

// spread gives the heights of the names at the ends of the lines, apart from each other.
func spread(paths []*path, end func(*path) float64) []float64 {
	const apart = 15
	heights := make([]float64, len(paths))
	taken := []float64{}
	for i, way := range paths {
		y := end(way) + 4
		for free := false; !free; {
			free = true
			for _, other := range taken {
				if math.Abs(other-y) < apart {
					y, free = other+apart, false
				}
			}
		}
		heights[i], taken = y, append(taken, y)
	}
	return heights
}

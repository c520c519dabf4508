package main

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

func TestPlot_HasALineForEachWayAndIsXML(t *testing.T) {
	ways := []*path{
		{name: "direct", with: map[int]*figures{8: {rates: []float64{9000}, p99: []float64{1.2}}, 32: {rates: []float64{12000}, p99: []float64{6}}}},
		{name: "a <proxy>", with: map[int]*figures{8: {rates: []float64{8000}, p99: []float64{1.4}}, 32: {rates: []float64{12000}, p99: []float64{20}}}},
	}
	for _, p := range []plot{{"rate", "requests a second", rates, false}, {"p99", "p99, ms", p99, true}} {
		svg := p.svg(ways, []int{8, 32})
		if n := strings.Count(svg, "<polyline"); n != len(ways) {
			t.Errorf("%s has %d lines, want %d", p.name, n, len(ways))
		}
		decoder := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := decoder.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v in %s", p.name, err, svg)
			}
		}
	}
}

func TestPlot_MarksReachWhatIsMeasured(t *testing.T) {
	for _, row := range []struct {
		most        float64
		logarithmic bool
		first, last float64
	}{{9283, false, 0, 10000}, {16635, false, 0, 20000}, {30, true, 1, 32}, {0.5, true, 1, 2}} {
		marks := plot{logarithmic: row.logarithmic}.marks(row.most)
		if marks[0] != row.first || marks[len(marks)-1] != row.last {
			t.Errorf("%v: %v", row, marks)
		}
	}
}

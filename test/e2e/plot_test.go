package e2e

import (
	"bytes"
	"fmt"
)

// A series is what opcache held after each deploy, in MiB.
type series struct {
	name                string
	live, other, wasted []float64
}

func (s *series) add(o opcacheState) {
	const mib = 1 << 20
	s.live = append(s.live, float64(o.Bytes)/mib)
	s.other = append(s.other, float64(o.Used-o.Bytes)/mib)
	s.wasted = append(s.wasted, float64(o.Wasted)/mib)
}

// A plot has one panel a series: areas one above the other, of 128 MiB.
type plot struct{ panels []series }

func (p *plot) add(s series) { p.panels = append(p.panels, s) }

const (
	panelWidth, panelHeight = 720.0, 150.0
	marginLeft, marginTop   = 60.0, 40.0
	panelGap                = 60.0
	allOfIt                 = 128.0
)

func (p *plot) svg() []byte {
	var out bytes.Buffer
	height := marginTop + float64(len(p.panels))*(panelHeight+panelGap)
	fmt.Fprintf(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" font-family=\"sans-serif\" font-size=\"12\">\n", marginLeft+panelWidth+20, height)
	fmt.Fprintf(&out, "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n")
	key := marginLeft
	for _, k := range []struct{ fill, text string }{{"#2b6cb0", "the live release"}, {"#a0c4e8", "everything else in use"}, {"#d9a441", "wasted: released with the next restart"}} {
		fmt.Fprintf(&out, "<rect x=\"%.0f\" y=\"8\" width=\"12\" height=\"12\" fill=\"%s\"/><text x=\"%.0f\" y=\"18\">%s</text>\n", key, k.fill, key+17, k.text)
		key += 45 + 7*float64(len(k.text))
	}
	for i, s := range p.panels {
		s.draw(&out, marginTop+float64(i)*(panelHeight+panelGap))
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}

func (s *series) draw(out *bytes.Buffer, top float64) {
	y := func(mib float64) float64 { return top + 20 + panelHeight*(1-mib/allOfIt) }
	x := func(i int) float64 { return marginLeft + panelWidth*float64(i)/float64(max(1, len(s.live)-1)) }
	fmt.Fprintf(out, "<text x=\"%.0f\" y=\"%.0f\" font-weight=\"bold\">%s</text>\n", marginLeft, top+12, s.name)
	below := make([]float64, len(s.live))
	for _, part := range []struct {
		fill   string
		values []float64
	}{{"#2b6cb0", s.live}, {"#a0c4e8", s.other}, {"#d9a441", s.wasted}} {
		var up, down bytes.Buffer
		for i, v := range part.values {
			fmt.Fprintf(&up, "%.1f,%.1f ", x(i), y(below[i]+v))
		}
		for i := len(below) - 1; i >= 0; i-- {
			fmt.Fprintf(&down, "%.1f,%.1f ", x(i), y(below[i]))
			below[i] += part.values[i]
		}
		fmt.Fprintf(out, "<polygon fill=\"%s\" points=\"%s%s\"/>\n", part.fill, up.String(), down.String())
	}
	for _, mib := range []float64{0, 32, 64, 96, 128} {
		fmt.Fprintf(out, "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#bbb\" stroke-width=\"0.5\"/><text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%.0f MiB</text>\n",
			marginLeft, marginLeft+panelWidth, y(mib), y(mib), marginLeft-5, y(mib)+4, mib)
	}
	fmt.Fprintf(out, "<text x=\"%.0f\" y=\"%.0f\">1st deploy</text><text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%dth deploy</text>\n",
		marginLeft, top+panelHeight+35, marginLeft+panelWidth, top+panelHeight+35, len(s.live))
}

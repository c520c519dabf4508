package webpage

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"
)

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"rate": rateText, "ms": msText, "percent": percentText, "bytes": bytesText,
}).ParseFS(templateFiles, "templates/*.html"))

// A frame is what a view shows at one moment: parts of HTML, each an element with an id.
type frame struct {
	// parts are the elements by their ids.
	parts map[string]template.HTML
	// lists are the ids of the parts in an element that may have more or fewer of them
	// later, by the id of that element.
	lists map[string][]string
	chart json.RawMessage // nil for a view without one
	err   error           // the first
}

func newFrame() *frame {
	return &frame{parts: map[string]template.HTML{}, lists: map[string][]string{}}
}

// part adds an element that a template makes.
func (f *frame) part(id, name string, data any) {
	var text strings.Builder
	if err := templates.ExecuteTemplate(&text, name, data); err != nil && f.err == nil {
		f.err = fmt.Errorf("write the part %s of the page: %w", id, err)
	}
	f.parts[id] = template.HTML(text.String())
}

// listed adds an element to a list.
func (f *frame) listed(list, id, name string, data any) {
	f.part(id, name, data)
	f.lists[list] = append(f.lists[list], id)
}

// Part is the element of an id, for the template of a whole page.
func (f *frame) Part(id string) template.HTML { return f.parts[id] }

// List are the elements of a list.
func (f *frame) List(id string) []template.HTML {
	var all []template.HTML
	for _, part := range f.lists[id] {
		all = append(all, f.parts[part])
	}
	return all
}

// Chart is the chart's data, for the template of a whole page. As JSON of this program it
// has no "<" that would end the element.
func (f *frame) Chart() template.JS { return template.JS(f.chart) }

// An update is what a viewer gets of a frame.
type update struct {
	Parts map[string]template.HTML `json:"parts,omitempty"`
	Lists map[string][]string      `json:"lists,omitempty"`
	Chart json.RawMessage          `json:"chart,omitempty"`
}

// since is what differs from the frame before, as JSON; all of it if there was none, and
// nil if nothing does.
func (f *frame) since(before *frame) []byte {
	if before == nil {
		before = newFrame()
	}
	u := update{Parts: map[string]template.HTML{}, Lists: map[string][]string{}}
	for id, part := range f.parts {
		if part != before.parts[id] {
			u.Parts[id] = part
		}
	}
	for id, list := range f.lists {
		if !slices.Equal(list, before.lists[id]) {
			u.Lists[id] = list
		}
	}
	for id := range before.lists {
		if _, still := f.lists[id]; !still {
			u.Lists[id] = []string{}
		}
	}
	if string(f.chart) != string(before.chart) {
		u.Chart = f.chart
	}
	if len(u.Parts) == 0 && len(u.Lists) == 0 && u.Chart == nil {
		return nil
	}
	text, _ := json.Marshal(u) // it has only strings, and JSON
	return text
}

// rateText is a number a second.
func rateText(r float64) string {
	switch {
	case r == 0:
		return "0"
	case r < 10:
		return fmt.Sprintf("%.1f", r)
	}
	return fmt.Sprintf("%.0f", r)
}

// msText is milliseconds; negative is none.
func msText(ms float64) string {
	switch {
	case ms < 0:
		return "–"
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 10_000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.0f s", ms/1000)
}

func percentText(part, whole uint64) string {
	switch {
	case part == 0:
		return "0 %"
	case whole == 0 || part*1000 < whole:
		return "< 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", float64(part)/float64(whole)*100)
}

func bytesText(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

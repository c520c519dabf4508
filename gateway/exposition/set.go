package exposition

import (
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// A Kind is what a metric counts.
type Kind int

const (
	Gauge Kind = iota
	Counting
	Histogram
)

// A Family is one metric. Families are made once, as tables.
type Family struct {
	name, help string
	kind       dto.MetricType
	labels     []*string
}

// NewFamily makes one. The name has the prefix, and the unit, that Prometheus wants.
func NewFamily(kind Kind, name, help string, labels ...string) *Family {
	types := [...]dto.MetricType{Gauge: dto.MetricType_GAUGE, Counting: dto.MetricType_COUNTER, Histogram: dto.MetricType_HISTOGRAM}
	f := &Family{name: name, help: help, kind: types[kind]}
	for _, l := range labels {
		f.labels = append(f.labels, &l)
	}
	return f
}

// A Set has the values of families at one moment. It is used by one goroutine.
type Set struct {
	families []*dto.MetricFamily
	byFamily map[*Family]*dto.MetricFamily

	// What the values are made of is taken from blocks: one allocation serves many.
	metrics  []dto.Metric
	pairs    []dto.LabelPair
	pointers []*dto.LabelPair
	texts    []string
	numbers  []float64
	gauges   []dto.Gauge
	counters []dto.Counter
}

// NewSet makes an empty one.
func NewSet() *Set { return &Set{byFamily: map[*Family]*dto.MetricFamily{}} }

const block = 512

// take gives the next of a block.
func take[T any](from *[]T) *T {
	if len(*from) == 0 {
		*from = make([]T, block)
	}
	next := &(*from)[0]
	*from = (*from)[1:]
	return next
}

// Add adds a value of a gauge or a counter. The labels are in the family's order.
func (s *Set) Add(f *Family, v float64, labels ...string) {
	m := s.metric(f, labels)
	n := take(&s.numbers)
	*n = v
	if f.kind == dto.MetricType_COUNTER {
		m.Counter = take(&s.counters)
		m.Counter.Value = n
		return
	}
	m.Gauge = take(&s.gauges)
	m.Gauge.Value = n
}

// AddDurations adds a histogram.
func (s *Set) AddDurations(f *Family, d *Durations, labels ...string) {
	s.metric(f, labels).Histogram = d.histogram()
}

func (s *Set) metric(f *Family, labels []string) *dto.Metric {
	if len(labels) != len(f.labels) {
		panic("exposition: " + f.name + " with a wrong number of labels")
	}
	m := take(&s.metrics)
	if len(s.pointers) < len(labels) {
		s.pointers = make([]*dto.LabelPair, block)
	}
	m.Label = s.pointers[:len(labels):len(labels)]
	s.pointers = s.pointers[len(labels):]
	for i, value := range labels {
		p, text := take(&s.pairs), take(&s.texts)
		*text = strings.ToValidUTF8(value, "\uFFFD")
		p.Name, p.Value = f.labels[i], text
		m.Label[i] = p
	}
	family := s.byFamily[f]
	if family == nil {
		family = &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: &f.kind}
		s.byFamily[f] = family
		s.families = append(s.families, family)
	}
	family.Metric = append(family.Metric, m)
	return m
}

// With gives all families and others, in the order of their names.
func (s *Set) With(others []*dto.MetricFamily) []*dto.MetricFamily {
	all := slices.Concat(s.families, others)
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return all
}

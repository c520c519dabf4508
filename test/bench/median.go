package main

import (
	"cmp"
	"slices"
)

// median is the middle value, of an even number the upper one; zero of none.
func median[V cmp.Ordered](values []V) V { return percentile(values, 50) }

// percentile is the value that p percent of the values are below; zero of none.
func percentile[V cmp.Ordered](values []V, p int) V {
	if len(values) == 0 {
		var none V
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

// ratio is the median of what a was of b in each round.
func ratio(a, b []float64) float64 {
	var ratios []float64
	for i := range min(len(a), len(b)) {
		if b[i] > 0 {
			ratios = append(ratios, a[i]/b[i])
		}
	}
	return median(ratios)
}

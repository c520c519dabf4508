package main

import "testing"

func TestMedian_IsTheMiddleAndRatiosAreWithinRounds(t *testing.T) {
	if got := median([]float64{9, 1, 5}); got != 5 {
		t.Errorf("median is %v", got)
	}
	if got := median([]float64(nil)); got != 0 {
		t.Errorf("median of nothing is %v", got)
	}
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	if p99, p100 := percentile(hundred, 99), percentile(hundred, 100); p99 != 100 || p100 != 100 {
		t.Errorf("p99 is %v, p100 %v", p99, p100)
	}
	// The machine was twice as fast in the second round.
	if got := ratio([]float64{10, 20, 30}, []float64{20, 40, 20}); got != 0.5 {
		t.Errorf("ratio is %v", got)
	}
}

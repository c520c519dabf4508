package exposition

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func BenchmarkObserve(b *testing.B) {
	classic := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "a", Buckets: Bounds[:]})
	native := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "a", Buckets: Bounds[:], NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100})
	own := &Durations{}
	b.Run("classic", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			classic.Observe(float64(i%1000) / 1000)
		}
	})
	b.Run("native", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			native.Observe(float64(i%1000) / 1000)
		}
	})
	b.Run("own", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			own.Observe(time.Duration(i%1000) * time.Millisecond)
		}
	})
}

package trial

import (
	"fmt"
	"testing"
	"time"

	"realdocd/gateway/judge"
)

func TestWindow_HasSoManyClassesOnly(t *testing.T) {
	w := &Window{since: time.Now().Add(-time.Hour)}
	observe := func(uri string) {
		o := Observation{Took: 20 * time.Millisecond}
		o.Of([]byte("GET"), []byte(uri))
		w.Add(&o, time.Now())
	}
	for range 102 {
		observe("/product/4711")
	}
	for i := range 1000 {
		observe(fmt.Sprintf("/%c%c/", 'a'+i%26, 'a'+i/26%26))
	}
	all := map[string]*judge.Sample{}
	w.addTo(all)
	sum := uint32(0)
	for _, s := range all {
		sum += s.Requests
	}
	if len(all) != judge.MaxClasses || all[judge.Other] == nil || sum != 1102 || w.requests() != 1102 || all["GET /product/*"].Requests != 102 {
		t.Errorf("%d classes with %d requests", len(all), sum)
	}
	if product := all["GET /product/*"]; product.Times[judge.BucketOf(20*time.Millisecond)] != 82 {
		t.Errorf("of 102 requests those that were not cold are %v", product.Times)
	}
}

package main

import "testing"

func TestWrk_IsReadInAllItsUnits(t *testing.T) {
	const head = "Running 3s test @ http://127.0.0.1:1/trivial.php\n  1 threads and 8 connections\n" +
		"  Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency   364.34us  318.01us   6.70ms   95.63%\n" +
		"    Req/Sec    22.85k     1.50k   24.72k    87.10%\n  Latency Distribution\n"
	for name, c := range map[string]struct {
		out  string
		want wrkResult
	}{
		"quick": {
			"     50%  310.00us\n     75%  361.00us\n     90%  450.00us\n     99%    1.81ms\n  70453 requests in 3.10s, 12.09MB read\nover 0.012500000\n",
			wrkResult{requests: 70453, rate: 70453 / 3.1, p50: 0.31, p99: 1.81, over: 0.0125},
		},
		"slow, with failures": {
			"     50%  310.00ms\n     75%  361.00ms\n     90%  450.00ms\n     99%    1.50s\n  620 requests in 3.10s, 12.09MB read\n" +
				"  Socket errors: connect 0, read 2, write 0, timeout 3\n  Non-2xx or 3xx responses: 7\n",
			wrkResult{requests: 620, rate: 200, p50: 310, p99: 1500, failed: 12},
		},
	} {
		if got, err := readWrk(head + c.out); err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, c.want)
		}
	}
	if _, err := readWrk("unable to connect to 127.0.0.1:1 Connection refused\n"); err == nil {
		t.Error("no figures are no error")
	}
}

package scale

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// figures are what etcd says of itself.
type figures struct {
	keys, watchers, disk    float64
	heard, said             float64 // bytes
	puts, txns, cpu, memory float64
	seconds                 float64
	at                      time.Time
}

func read(t *testing.T, etcd *stack.Etcd) figures {
	t.Helper()
	resp, err := http.Get("http://" + string(etcd.Addr) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	f := figures{at: time.Now()}
	into := map[string]*float64{
		"etcd_debugging_mvcc_keys_total": &f.keys, "etcd_debugging_mvcc_watcher_total": &f.watchers,
		"etcd_mvcc_db_total_size_in_use_in_bytes":       &f.disk,
		"etcd_network_client_grpc_received_bytes_total": &f.heard, "etcd_network_client_grpc_sent_bytes_total": &f.said,
		"etcd_mvcc_put_total": &f.puts, "etcd_mvcc_txn_total": &f.txns,
		"process_cpu_seconds_total": &f.cpu, "process_resident_memory_bytes": &f.memory,
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if place := into[name]; place != nil {
			if *place, err = strconv.ParseFloat(value, 64); err != nil {
				t.Fatal(err)
			}
			delete(into, name)
		}
	}
	for name := range into {
		t.Errorf("etcd does not tell %s", name)
	}
	return f
}

// since is what has come since another reading.
func (f figures) since(was figures) figures {
	took := f
	took.heard, took.said, took.puts, took.txns, took.cpu = f.heard-was.heard, f.said-was.said, f.puts-was.puts, f.txns-was.txns, f.cpu-was.cpu
	took.seconds = f.at.Sub(was.at).Seconds()
	return took
}

// log writes what has come between two readings.
func (f figures) log(t *testing.T, what string, to figures) {
	t.Helper()
	took := to.at.Sub(f.at).Seconds()
	t.Logf("%-8s %6.1f s: etcd heard %.0f kB (%.1f kB/s), said %.0f kB (%.1f kB/s); %.0f puts, %.0f transactions, %.2f s of CPU (%.1f %%); %.0f keys, %.0f watches, %.1f MB in use, %.0f MB of memory",
		what, took, (to.heard-f.heard)/1e3, (to.heard-f.heard)/1e3/took, (to.said-f.said)/1e3, (to.said-f.said)/1e3/took,
		to.puts-f.puts, to.txns-f.txns, to.cpu-f.cpu, 100*(to.cpu-f.cpu)/took, to.keys, to.watchers, to.disk/1e6, to.memory/1e6)
}

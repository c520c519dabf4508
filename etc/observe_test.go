package etc_test

import (
	"regexp"
	"strings"
	"testing"
)

// The sample for Kubernetes asks for probes and scales by a metric that there are.
func TestEtc_KubernetesAsksForWhatThereIs(t *testing.T) {
	sample, page := read(t, "kubernetes/realdocd.yaml"), read(t, "man/realdocd-metrics.7")
	probes := regexp.MustCompile(`httpGet: \{path: (\S+), port: metrics\}`).FindAllStringSubmatch(sample, -1)
	if len(probes) != 3 {
		t.Errorf("there are %d probes", len(probes))
	}
	for _, m := range probes {
		if !strings.Contains(page, ".It Pa "+m[1]+"\n") {
			t.Errorf("there is no %s", m[1])
		}
	}
	metrics := regexp.MustCompile(`realdocd_[a-z_]+`).FindAllString(sample, -1)
	if len(metrics) == 0 {
		t.Error("it scales by nothing")
	}
	for _, name := range metrics {
		if !strings.Contains(page, ".It Li "+name+"\n") {
			t.Errorf("there is no %s", name)
		}
	}
}

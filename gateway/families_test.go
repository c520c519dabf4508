package gateway

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"realdocd/test/manual"
)

// familiesInSource are all metrics of realdocd's own, as rows of the manual page: from the source, since some
// have a value only now and then.
func familiesInSource(t *testing.T) (rows []string) {
	t.Helper()
	source := ""
	for _, file := range []string{"families.go", "metrics.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source += string(text)
	}
	row := func(name, kind, labels, help string) {
		labels = strings.ReplaceAll(strings.ReplaceAll(labels, `"`, ""), ", ", " , ")
		text := fmt.Sprintf(".It Li realdocd_%s\n", name)
		if labels == "" {
			text += fmt.Sprintf("(%s)\n", kind)
		} else {
			text += fmt.Sprintf("(%s by\n.Li %s )\n", kind, labels)
		}
		rows = append(rows, text+strings.ReplaceAll(help, `"`, `\(dq`)+"\n")
	}
	for _, m := range regexp.MustCompile("(gauge|counter|histogram)\\(\"(\\w+)\", (?:\"([^\"]+)\"|`([^`]+)`)((?:, \"\\w+\")*)\\)").FindAllStringSubmatch(source, -1) {
		row(m[2], m[1], strings.TrimPrefix(m[5], ", "), m[3]+m[4])
	}
	for _, m := range regexp.MustCompile(`spans\("(\w+)", "([^"]+)"\)`).FindAllStringSubmatch(source, -1) {
		row(m[1], "histogram", `"pool"`, m[2])
	}
	for _, m := range regexp.MustCompile(`(?s)CounterOpts\{\s*Namespace: "realdocd", Name: "(\w+)", Help: "([^"]+)",\s*\}(?:, \[\]string\{([^}]*)\})?`).FindAllStringSubmatch(source, -1) {
		row(m[1], "counter", m[3], m[2])
	}
	slices.Sort(rows)
	return rows
}

// The manual has each metric.
func TestMetrics_AreInTheManual(t *testing.T) {
	rows := familiesInSource(t)
	if len(rows) < 80 {
		t.Errorf("only %d metrics were found", len(rows))
	}
	part := manual.Part{Page: "realdocd-metrics.7", By: "MANUAL_WRITE=1 go test ./gateway", Name: "metrics"}
	part.Compare(t, strings.Join(rows, ""))
}

// What is scraped is in the source list too: nothing is counted under a name that the manual does not have.
func TestMetrics_HaveNoOtherNames(t *testing.T) {
	b := newBench(t).start()
	b.visit(b.connect(), page)
	families, err := b.server.gather()
	b.must(err)
	list := strings.Join(familiesInSource(t), "")
	for _, f := range families {
		if name := f.GetName(); strings.HasPrefix(name, "realdocd_") && !strings.Contains(list, ".It Li "+name+"\n") {
			t.Errorf("%s is not in the list", name)
		}
	}
}

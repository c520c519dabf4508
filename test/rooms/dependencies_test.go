package rooms

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the program is linked with is listed, with its licence, and nothing else is.
func TestDependenciesAreListedWithTheirLicences(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}", "./cmd/realdocd")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Dependencies\n")
	section, _, _ = strings.Cut(section, "\n## ")
	listed := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\S+) \\|$").FindAllStringSubmatch(section, -1) {
		listed[row[1]] = row[2]
	}
	// A sentence of each licence, and what it is called.
	says := map[string]string{"MIT": "Permission is hereby granted", "Apache-2.0": "Apache License", "BSD-3-Clause": "Redistribution and use in source and binary forms"}
	lines := strings.Fields(strings.ReplaceAll(string(out), " ", "\x00"))
	slices.Sort(lines)
	for _, line := range slices.Compact(lines) {
		module, dir, _ := strings.Cut(line, "\x00")
		licence, there := listed[module]
		delete(listed, module)
		if !there {
			t.Errorf("%s is not listed", module)
			continue
		}
		if text := licenceOf(t, dir); !strings.Contains(text, says[licence]) || says[licence] == "" {
			t.Errorf("the licence of %s is not %s:\n%.200s", module, licence, text)
		}
	}
	for module := range listed {
		t.Errorf("%s is listed, and the program is not linked with it", module)
	}
}

// What a client of etcd registers when a program starts would be in the memory of every daemon.
func TestTheDaemonIsNotLinkedWithEtcd(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-tags", "noetcd", "./cmd/realdocd")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.Lines(string(out)) {
		if strings.Contains(pkg, "go.etcd.io/") || strings.Contains(pkg, "go.uber.org/") {
			t.Errorf("it is linked with %s", pkg)
		}
	}
}

func licenceOf(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`(?i)^(licen[sc]e|copying)`)
	for _, e := range entries {
		if name.MatchString(e.Name()) {
			text, err := os.ReadFile(dir + "/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			return strings.Join(strings.Fields(string(text)), " ")
		}
	}
	t.Errorf("%s has no licence", dir)
	return ""
}

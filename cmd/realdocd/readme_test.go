package main

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// Every command has a line in the README's table, and no line names a command that there is not.
func TestReadme_HasEveryCommand(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+`) \\|").FindAllStringSubmatch(string(readme), -1) {
		for _, command := range regexp.MustCompile("`(?:realdocd )?([a-z]+)").FindAllStringSubmatch(row[1], -1) {
			have = append(have, command[1])
		}
	}
	want := commandNames(newRoot(os.Getenv))
	want = slices.DeleteFunc(want, func(name string) bool { return name == "help" || name == "completion" })
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("the README's table has\n%q\nand the commands are\n%q", have, want)
	}
}

package pattern

import "testing"

func TestFill_APartIsNotFilledInAgain(t *testing.T) {
	if got := Fill("{1}{2}", []string{"{2}", "x"}); got != "{2}x" {
		t.Error(got)
	}
}

func TestFits_WhatAFormBecomes(t *testing.T) {
	for _, row := range []struct {
		form, name string
		want       bool
	}{
		{"fpm-{1}", "fpm-s1", true},
		{"fpm-{1}", "fpm", false},
		{"fpm-{1}-x{2}", "fpm-a-xb", true},
		{"f*-{1}", "f*-a", true},
		{"f*-{1}", "foo-a", false},
		{"www", "www", true},
	} {
		if got := Fits(row.form, row.name); got != row.want {
			t.Errorf("%s of %s: %v", row.name, row.form, got)
		}
	}
}

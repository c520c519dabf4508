package fpm

import (
	"strings"
	"testing"
)

func TestTheSmugglingFixIsKnownByVersion(t *testing.T) {
	for _, row := range []struct {
		version string
		want    string // in the error; "" is fixed
	}{
		{"8.2.35", "fixed in 8.2.36"},
		{"8.2.36", ""},
		{"8.2.36-1~deb12u1", ""},
		{"8.2.36+ubuntu22.04.1+deb.sury.org+1", ""},
		{"8.2.100", ""},
		{"8.3.36", "fixed in 8.3.37"},
		{"8.3.37", ""},
		{"8.4.27-1", "fixed in 8.4.28"},
		{"8.4.28RC1", "fixed in 8.4.28"},
		{"8.4.28-rc1", "fixed in 8.4.28"},
		{"8.4.28-dev", "fixed in 8.4.28"},
		{"8.4.28", ""},
		{"8.4.29RC1", ""},
		{"8.5.0beta2", "fixed in 8.5.13"},
		{"8.5.13", ""},
		{"8.6.0", ""},
		{"8.10.0", ""},
		{"9.0.0", ""},
		{"10.1.2", ""},
		{"8.1.99", "no fix"},
		{"8.0.30", "no fix"},
		{"7.4.33-1+deb11u5", "no fix"},
		{"5.6.40", "no fix"},
		{"", "cannot read"},
		{"8.2", "cannot read"},
		{"8.2.", "cannot read"},
		{"8.2.x", "cannot read"},
		{"8.2.36x", "cannot read"},
		{"v8.2.36", "cannot read"},
		{"8.2.36\n8.2.36", "cannot read"},
		{"-8.2.36", "cannot read"},
		{"8.2.99999999999999999999", "cannot read"},
	} {
		err := SmugglingFault(row.version)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%q: got %v, want %q", row.version, err, row.want)
		}
	}
}

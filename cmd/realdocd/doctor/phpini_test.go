package doctor

import "testing"

func TestSettingsOfPHPAreReadAsTheyAreWritten(t *testing.T) {
	for value, want := range map[string]int64{"4096K": 4 << 20, "16M": 16 << 20, "1g": 1 << 30, "512": 512, "": 0, "lots": 0} {
		if got := bytesOf(value); got != want {
			t.Errorf("%q is %d bytes, want %d", value, got, want)
		}
	}
	for value, want := range map[string]bool{"1": true, "On": true, "0": false, "": false, "off": false, "No": false} {
		if isOn(value) != want {
			t.Errorf("%q is on: %v", value, !want)
		}
	}
}

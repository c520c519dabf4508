package nearest

import (
	"fmt"
	"testing"
)

func TestTo_IsTheNameThatWasMeant(t *testing.T) {
	names := []string{"shop", "blog", "s1", "s2", "all"}
	for word, want := range map[string]string{"shpo": "shop", "shop": "shop", "sop": "shop", "blg": "blog", "zzzzzz": "", "s3": "s1", "al": "all", "": ""} {
		if got := To(word, names); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func TestOr_ListsTheNamesIfNoneIsNear(t *testing.T) {
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf("tenant%03d", i))
	}
	for word, want := range map[string]string{
		"tenant00": `; did you mean "tenant000"?`,
		"x":        `: there are "tenant000", "tenant001", "tenant002", "tenant003", "tenant004", "tenant005", "tenant006", "tenant007", "tenant008", "tenant009", "tenant010", "tenant011" and 288 more`,
	} {
		if got := Or(word, many); got != want {
			t.Errorf("%q: %s", word, got)
		}
	}
	if got := Or("x", nil); got != ": there are none" {
		t.Error(got)
	}
}

package conf

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinesAreFoundOverStringsAndListsOfManyLines(t *testing.T) {
	got := indexLines(`# comment = 1
a = """
b = 1
\""" c = 2
"""
d = [ # ] "
  "]",
  'e = 3', # ]
]
f.g = '''
x = '''
  [ t . "u.v" ] # comment
h = {i = 1,
  j = 2}
"k\u0041" = "[" # ok
[[l]]
'm' = 1
[t.n]
`)
	want := lines{
		"a": 2, "d": 6, "f": 10, "f.g": 10,
		"t": 12, `t."u.v"`: 12, `t."u.v".h`: 13, `t."u.v".kA`: 15,
		"l": 16, "l.m": 17, "t.n": 18,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestAKeyWithoutALineHasThatOfItsTable(t *testing.T) {
	l := indexLines("\n[site]\nshop = {docroot = '/a'}")
	if got := l.of("site", "shop", "docroot"); got != 3 {
		t.Errorf("line %d, want 3", got)
	}
	if got := l.of("pool"); got != 0 {
		t.Errorf("line %d for what is not there, want 0", got)
	}
}

func FuzzIndexLinesEnds(f *testing.F) {
	for _, seed := range []string{minimal, `a = "`, `"`, `[`, `[a."`, `a = '''`, `a."\`, "=\n=", "]\n[["} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		indexLines(text)
	})
}

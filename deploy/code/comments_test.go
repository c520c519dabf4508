package code

import (
	"bytes"
	"testing"
)

func TestReferencesAreFoundOutsideOfComments(t *testing.T) {
	const link = "/var/www/shop/current"
	for _, row := range []struct {
		name, text string
		lang       Language
		lines      []int
	}{
		{"a string", "<?php\n$a = '" + link + "/lib';", PHP, []int{2}},
		{"the link itself", `<?php $a = "` + link + `";`, PHP, []int{1}},
		{"outside of PHP", "<p>" + link + "</p>\n<?php echo 1;", PHP, []int{1}},
		{"each line once", "<?php\n$a = ['" + link + "', '" + link + "/b'];\n'" + link + "';", PHP, []int{2, 3}},
		{"a line comment", "<?php\n// " + link + "\n# " + link + "\n/* " + link + "\n" + link + " */", PHP, nil},
		{"behind a comment", "<?php /* a */ '" + link + "'; // " + link, PHP, []int{1}},
		{"a comment that ends with the code", "<?php // a ?>" + link, PHP, []int{1}},
		{"an attribute", "<?php\n#[Path('" + link + "')]\nclass A {}", PHP, []int{2}},
		{"a string with the look of a comment", `<?php $a = 'http://x'; $b = '` + link + `';`, PHP, []int{1}},
		{"an escaped quote", `<?php $a = 'it\'s // '; $b = '` + link + `';`, PHP, []int{1}},
		{"a heredoc", "<?php $a = <<<EOT\n// " + link + "\n  EOT . 'x'; // " + link, PHP, []int{2}},
		{"a nowdoc", "<?php $a = <<<'E'\n# " + link + "\nE;\n# " + link, PHP, []int{2}},
		{"a shift is no heredoc", "<?php $a = 1 <<<\n// " + link, PHP, nil},
		{"a comment without an end", "<?php /* " + link, PHP, nil},
		{"another name", "<?php '" + link + "2'; '" + link + "-old'; '" + link + ".bak'; '" + link + "_';", PHP, nil},
		{"another place", "<?php '/mnt" + link + "'; './" + link[1:] + "'; '." + link + "';", PHP, nil},
		{"a URL", "<?php 'phar://" + link + "/a.phar';", PHP, []int{1}},
		{"a doubled slash", "<?php '/" + link + "';", PHP, []int{1}},
		{"a list", "<?php '.:" + link + ":/usr';", PHP, []int{1}},
		{"the end of a sentence", "<?php 'see " + link + ".';", PHP, []int{1}},
		{"ini", "; " + link + "\n  # " + link + "\ninclude_path = " + link + " ; or not", UserINI, []int{3}},
		{"json", "{\"a\": \"" + link + "\",\n\"//\": \"" + link + "\"}", Plain, []int{1, 2}},
		{"Windows lines", "<?php\r\n// " + link + "\r\n'" + link + "';\r\n", PHP, []int{3}},
	} {
		t.Run(row.name, func(t *testing.T) {
			refs := References([]byte(row.text), row.lang, []string{link})
			var lines []int
			for _, ref := range refs {
				lines = append(lines, ref.Line)
			}
			if len(lines) != len(row.lines) {
				t.Fatalf("found in lines %v, want %v: %+v", lines, row.lines, refs)
			}
			for i := range lines {
				if lines[i] != row.lines[i] {
					t.Errorf("found in lines %v, want %v", lines, row.lines)
				}
			}
		})
	}
}

func TestAReferenceShowsItsLineShortened(t *testing.T) {
	text := append([]byte("<?php\n\t  $a = '/x/current'; $b = '"), bytes.Repeat([]byte("é"), 500)...)
	refs := References(text, PHP, []string{"/x/current"})
	if len(refs) != 1 || len(refs[0].Text) > maxLine+len(" ...") || refs[0].Text[:9] != "$a = '/x/" {
		t.Errorf("%+v", refs)
	}
}

// Whatever the text, every line stays where it is and what is left is the text's own.
func FuzzBlankComments(f *testing.F) {
	for _, seed := range []string{"<?php /* a */ 'b' // c\n#d\n<<<E\nE;", "<?='\\", "<?<<<\"A\nA", "; a\n# b", "<?php #[a] ?> // <?"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, lang := range []Language{PHP, INI, UserINI, Plain} {
			out := blankComments(text, lang)
			if len(out) != len(text) {
				t.Fatalf("%d bytes became %d", len(text), len(out))
			}
			for i := range out {
				if out[i] != text[i] && (out[i] != ' ' || text[i] == '\n') {
					t.Fatalf("byte %d, %q, became %q", i, text[i], out[i])
				}
			}
			References(text, lang, []string{"/a/b"})
		}
	})
}

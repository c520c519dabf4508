package doctor

import (
	"bytes"
	"testing"
)

func TestReferencesAreFoundOutsideOfComments(t *testing.T) {
	const link = "/var/www/shop/current"
	for _, row := range []struct {
		name, text string
		lang       language
		lines      []int
	}{
		{"a string", "<?php\n$a = '" + link + "/lib';", php, []int{2}},
		{"the link itself", `<?php $a = "` + link + `";`, php, []int{1}},
		{"outside of PHP", "<p>" + link + "</p>\n<?php echo 1;", php, []int{1}},
		{"each line once", "<?php\n$a = ['" + link + "', '" + link + "/b'];\n'" + link + "';", php, []int{2, 3}},
		{"a line comment", "<?php\n// " + link + "\n# " + link + "\n/* " + link + "\n" + link + " */", php, nil},
		{"behind a comment", "<?php /* a */ '" + link + "'; // " + link, php, []int{1}},
		{"a comment that ends with the code", "<?php // a ?>" + link, php, []int{1}},
		{"an attribute", "<?php\n#[Path('" + link + "')]\nclass A {}", php, []int{2}},
		{"a string with the look of a comment", `<?php $a = 'http://x'; $b = '` + link + `';`, php, []int{1}},
		{"an escaped quote", `<?php $a = 'it\'s // '; $b = '` + link + `';`, php, []int{1}},
		{"a heredoc", "<?php $a = <<<EOT\n// " + link + "\n  EOT . 'x'; // " + link, php, []int{2}},
		{"a nowdoc", "<?php $a = <<<'E'\n# " + link + "\nE;\n# " + link, php, []int{2}},
		{"a shift is no heredoc", "<?php $a = 1 <<<\n// " + link, php, nil},
		{"a comment without an end", "<?php /* " + link, php, nil},
		{"another name", "<?php '" + link + "2'; '" + link + "-old'; '" + link + ".bak'; '" + link + "_';", php, nil},
		{"another place", "<?php '/mnt" + link + "'; './" + link[1:] + "'; '." + link + "';", php, nil},
		{"a URL", "<?php 'phar://" + link + "/a.phar';", php, []int{1}},
		{"a doubled slash", "<?php '/" + link + "';", php, []int{1}},
		{"a list", "<?php '.:" + link + ":/usr';", php, []int{1}},
		{"the end of a sentence", "<?php 'see " + link + ".';", php, []int{1}},
		{"ini", "; " + link + "\n  # " + link + "\ninclude_path = " + link + " ; or not", userINI, []int{3}},
		{"json", "{\"a\": \"" + link + "\",\n\"//\": \"" + link + "\"}", plain, []int{1, 2}},
		{"Windows lines", "<?php\r\n// " + link + "\r\n'" + link + "';\r\n", php, []int{3}},
	} {
		t.Run(row.name, func(t *testing.T) {
			refs := findReferences([]byte(row.text), row.lang, []string{link})
			var lines []int
			for _, ref := range refs {
				lines = append(lines, ref.line)
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
	refs := findReferences(text, php, []string{"/x/current"})
	if len(refs) != 1 || len(refs[0].text) > maxLine+len(" ...") || refs[0].text[:9] != "$a = '/x/" {
		t.Errorf("%+v", refs)
	}
}

// Whatever the text, every line stays where it is and what is left is the text's own.
func FuzzBlankComments(f *testing.F) {
	for _, seed := range []string{"<?php /* a */ 'b' // c\n#d\n<<<E\nE;", "<?='\\", "<?<<<\"A\nA", "; a\n# b", "<?php #[a] ?> // <?"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, lang := range []language{php, ini, userINI, plain} {
			out := blankComments(text, lang)
			if len(out) != len(text) {
				t.Fatalf("%d bytes became %d", len(text), len(out))
			}
			for i := range out {
				if out[i] != text[i] && (out[i] != ' ' || text[i] == '\n') {
					t.Fatalf("byte %d, %q, became %q", i, text[i], out[i])
				}
			}
			findReferences(text, lang, []string{"/a/b"})
		}
	})
}

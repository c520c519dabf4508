package incpath

import "testing"

// mapList maps an include_path from a link to a release.
func mapList(includePath, link, release string) string {
	m := Mapping{Spellings: []Spelling{{link, release}}, Release: release}
	return m.List(includePath)
}

func TestMappingMapsTheEntriesBelowTheLink(t *testing.T) {
	for _, row := range []struct{ list, want string }{
		{".:" + link + "/lib:/usr/share/php", ".:" + release + "/lib:/usr/share/php"},
		{link + ":" + link + "/", release + ":" + release + "/"},
		{link + "2:" + link, link + "2:" + release},
		{"::" + link + "::", "::" + release + "::"},
		{"lib:./x//y:..:/usr//share/", "lib:./x//y:..:/usr//share/"},
		{"phar://" + link + "/x.phar:" + link, "phar://" + link + "/x.phar:" + release},
		{"phar://a/x.phar/b:" + link, "phar://a/x.phar/b:" + release},
		{"vfs+x-1.0:/" + link, "vfs+x-1.0:/" + link},
		{"x:/" + link, "x:" + release}, // one character is not a scheme
		{".:/" + link + ":x", ".:" + release + ":x"},
		{"..:/" + link, "..:" + release}, // nor is ".."
		{"", ""},
	} {
		if got := mapList(row.list, link, release); got != row.want {
			t.Errorf("the list %q is mapped to %q, want %q", row.list, got, row.want)
		}
	}
}

func TestMappingReplacesThePathsOfThePattern(t *testing.T) {
	for _, row := range []struct{ pattern, list, want string }{
		{"", "/srv/app/lib", "/srv/app/lib"},
		{"/srv/app", "/srv/app/lib:/srv/app2:" + link + "/lib", docroot + "/lib:/srv/app2:" + release + "/lib"},
		{"/srv/app/", "/srv/app:/srv", docroot + ":/srv"},
		{"/srv/app:/home/app", "/home/app/a:/srv/app/b", docroot + "/a:" + docroot + "/b"},
		{link, link + "/lib", release + "/lib"},
		{link + "/public", link + "/public/lib:" + link + "/lib", docroot + "/lib:" + release + "/lib"},
		{"/var/www", release + "/lib:/var/www/old", release + "/lib:" + docroot + "/old"},
		{":", "/srv", "/srv"},
		{"app", "app/lib", "app/lib"},
	} {
		m := Mapping{Spellings: []Spelling{{link, release}}, Release: release, ResolvedDocroot: docroot, Pattern: row.pattern}
		if got := m.List(row.list); got != row.want {
			t.Errorf("with pattern %q, List(%q) = %q, want %q", row.pattern, row.list, got, row.want)
		}
	}
}

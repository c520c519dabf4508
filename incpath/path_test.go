package incpath

import (
	"strings"
	"testing"
	"unsafe"
)

const (
	link    = "/var/www/shop/current"
	release = "/var/www/shop/releases/42"
	docroot = release + "/public"
)

var mapTable = []struct {
	path, want string
	below      bool
}{
	{link, release, true},
	{link + "/", release + "/", true},
	{link + "/public/index.php", docroot + "/index.php", true},
	{"//var/./www//shop/current/lib", release + "/lib", true},
	{link + "/index.php/a//b/./", release + "/index.php/a//b/./", true},
	{link + "2/lib", link + "2/lib", false},
	{"/var/www/shop/curren", "/var/www/shop/curren", false},
	{"/var/w/w/shop/current", "/var/w/w/shop/current", false},
	{"/var/www/shop", "/var/www/shop", false},
	{"var/www/shop/current", "var/www/shop/current", false},
	{".", ".", false},
	{"", "", false},
	{"/", "/", false},
	{release + "/lib", release + "/lib", false},
	{link + "/../shared", release + "/../shared", true},
	{link + "/../current/lib", release + "/../current/lib", true},
	{"/var/www/shop/../shop/current/lib", release + "/lib", true},
	{"/../var/../var/www/shop/current/lib", release + "/lib", true},
	{"/var/www/shop/logs/../current/lib", "/var/www/shop/logs/../current/lib", false},
	{"/var/www/../../current", "/var/www/../../current", false},
}

func TestMapPutsTheReleaseInTheLinksPlace(t *testing.T) {
	for _, row := range mapTable {
		got, below := Map(row.path, link, release)
		if got != row.want || below != row.below {
			t.Errorf("Map(%q) = %q, %v; want %q, %v", row.path, got, below, row.want, row.below)
		}
		appended, below := Append([]byte("x"), row.path, link, release)
		if string(appended) != "x"+row.want || below != row.below {
			t.Errorf("Append(%q) = %q, %v; want %q, %v", row.path, appended, below, row.want, row.below)
		}
	}
}

func TestMapKnowsTheRootDirectory(t *testing.T) {
	for _, row := range []struct{ path, link, release, want string }{
		{"/lib", "/", "/r", "/r/lib"},
		{"/l/lib", "/l", "/", "/lib"},
		{"/l", "/l", "/", "/"},
		{"/lib", "", "/r", "/lib"},
	} {
		if got, _ := Map(row.path, row.link, row.release); got != row.want {
			t.Errorf("Map(%q, %q, %q) = %q, want %q", row.path, row.link, row.release, got, row.want)
		}
		if got, _ := Append(nil, row.path, row.link, row.release); string(got) != row.want {
			t.Errorf("Append(%q, %q, %q) = %q, want %q", row.path, row.link, row.release, got, row.want)
		}
	}
}

func TestMapReturnsTheSameStringWhenNothingChanges(t *testing.T) {
	for _, path := range []string{"/usr/share/php", link + "/lib"} {
		path := strings.Clone(path)
		got, _ := Map(path, link, link)
		if unsafe.StringData(got) != unsafe.StringData(path) {
			t.Errorf("Map copied %q", path)
		}
	}
}

func TestOnlyAChangedResultIsAllocated(t *testing.T) {
	dst := make([]byte, 0, 100)
	for _, row := range []struct {
		what string
		want float64
		do   func()
	}{
		{"Map of another path", 0, func() { Map("/usr//share/php", link, release) }},
		{"Map of a path below the link", 1, func() { Map("//var/www/shop/current/lib", link, release) }},
		{"Append", 0, func() { Append(dst, link+"/lib", link, release) }},
		{"Inside", 0, func() { Inside(docroot+"/x.php", docroot) }},
		{"List without the link", 0, func() { mapList(".:/usr/share/php:phar://x/y", link, release) }},
		{"Rewrite without include_path", 0, func() { Rewrite("memory_limit=1G\nfoo=\"x\"", strings.Clone) }},
		{"Rewrite of another path", 0, func() { Rewrite("include_path=/a:/b", func(s string) string { return s }) }},
	} {
		if got := testing.AllocsPerRun(100, row.do); got > row.want {
			t.Errorf("%s allocates %v times, want %v", row.what, got, row.want)
		}
	}
}

func TestInsideSeesThroughDots(t *testing.T) {
	for path, want := range map[string]bool{
		docroot:                         true,
		docroot + "/":                   true,
		docroot + "/a/./b//c.php":       true,
		docroot + "/..a/b..":            true,
		docroot + "2/x.php":             false,
		docroot + "/../x.php":           false,
		docroot + "/a/../../x.php":      false,
		docroot + "/a/..":               false,
		release + "/../42/public/x.php": true,
		release:                         false,
		"":                              false,
	} {
		if got := Inside(path, docroot); got != want {
			t.Errorf("Inside(%q) = %v, want %v", path, got, want)
		}
	}
}

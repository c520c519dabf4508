package incpath_test

import (
	"errors"
	"fmt"

	"realdocd/incpath"
)

// The link of a site, and the release that a request runs on.
const (
	link    = "/var/www/shop/current"
	release = "/var/www/shop/releases/42"
)

// A gateway gives a request the release's paths in each of the three shapes that PHP is told them in.
func Example() {
	// One path, such as SCRIPT_FILENAME.
	script, below := incpath.Map(link+"/public/index.php", link, release)
	fmt.Println(script, below)

	// An include_path: what is not below the link stays.
	m := incpath.Mapping{Spellings: []incpath.Spelling{{link, release}}, Release: release}
	fmt.Println(m.List(".:" + link + "/lib:/usr/share/php"))

	// PHP_VALUE, an INI text: only the include_path in it is changed.
	value, found, err := incpath.Rewrite("memory_limit=1G\ninclude_path=\""+link+"/lib\"", m.List)
	fmt.Printf("%q %v %v\n", value, found, err)

	// Output:
	// /var/www/shop/releases/42/public/index.php true
	// .:/var/www/shop/releases/42/lib:/usr/share/php
	// "memory_limit=1G\ninclude_path=\"/var/www/shop/releases/42/lib\"" true <nil>
}

// What PHP will make of a text cannot always be known. Then the request must be refused: it would run on files
// of a release that nobody has chosen.
func ExampleRewrite_unknown() {
	_, _, err := incpath.Rewrite(`include_path="${SITE}/lib"`, func(includePath string) string { return includePath })
	fmt.Println(errors.Is(err, incpath.ErrUnknown))
	fmt.Println(err)

	// Output:
	// true
	// include_path has, at byte 13, a variable in "${SITE}/lib": what PHP makes of it cannot be known outside PHP
}

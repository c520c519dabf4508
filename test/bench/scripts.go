package main

import (
	"embed"
	"io/fs"
)

// workers is how many every FPM has, pm = static.
const workers = 12

// The scripts that every site has.
const (
	trivial = "/trivial.php" // does nothing
	slow    = "/slow.php"    // waits for 20 ms, as for a database
	slower  = "/slower.php"  // waits for 100 ms
)

//go:embed php/*.php
var embedded embed.FS

var scripts, _ = fs.Sub(embedded, "php") // fails on invalid names only

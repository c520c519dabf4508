package deploy_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"realdocd/deploy"
)

// A request enters the release that is live, a deploy flips the link while it runs, and the request goes on
// where it began. The next one enters the new release.
func Example() {
	site, err := os.MkdirTemp("", "shop")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(site)
	link := filepath.Join(site, "current")
	for _, name := range []string{"41", "42"} {
		if err := os.MkdirAll(filepath.Join(site, "releases", name, "public"), 0o755); err != nil {
			log.Fatal(err)
		}
	}
	if err := deploy.CreateLink(link, filepath.Join(site, "releases/41")); err != nil {
		log.Fatal(err)
	}

	releases := deploy.NewResolver(deploy.Options{})
	docroot := filepath.Join(link, "public") // as the web server sends it
	first, err := releases.Enter(docroot, time.Now())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the first request runs on release", first.Name)

	if err := deploy.Flip(link, filepath.Join(site, "releases/42")); err != nil {
		log.Fatal(err)
	}
	second, err := releases.Enter(docroot, time.Now())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("after the flip, the second runs on release", second.Name)
	fmt.Println("inside", first.Name, "there is still", first.Inside())

	// Leave tells the last one inside a release that is no longer live.
	fmt.Println("the second request is the last of its release:", second.Leave(time.Now(), false))
	fmt.Println("the first request is the last of its release:", first.Leave(time.Now(), false))

	// Output:
	// the first request runs on release 41
	// after the flip, the second runs on release 42
	// inside 41 there is still 1
	// the second request is the last of its release: false
	// the first request is the last of its release: true
}

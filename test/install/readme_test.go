package install

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"realdocd/test/stack"
)

const shopHost = "shop.example.com"

// The site that the README speaks of, as it was before: two releases, and one of them live.
const shopBefore = `
for n in 42 43; do
	mkdir -p /var/www/shop/releases/$n/public /var/www/shop/releases/$n/lib
	cat >/var/www/shop/releases/$n/public/index.php <<'EOF'
<?php
require 'part.php';
echo part(), ' ', basename(dirname(__DIR__)), ' ', basename(dirname($_SERVER['DOCUMENT_ROOT'])), ' ', $_SERVER['REALDOC_RELEASE'] ?? 'none';
EOF
	echo "<?php function part() { return $n; }" >/var/www/shop/releases/$n/lib/part.php
done
ln -s releases/42 /var/www/shop/current
systemd-tmpfiles --create --prefix=/run/php
systemctl start php8.2-fpm nginx
`

// The README's steps, word for word, on a Debian with nginx and PHP-FPM.
func TestReadme_StepsPutRealdocdInFrontOfASite(t *testing.T) {
	stack.Need(t, "nginx")
	stack.Need(t, "php-fpm8.2")
	stack.Need(t, "rsync")
	build(t) // leaves what make deb needs in go's caches: in the machine there is no network
	m := newMachine(t)
	m.run("/", shopBefore)
	const checkout = "/root/realdocd"
	if err := copySource(m.path(checkout)); err != nil {
		t.Fatal(err)
	}

	steps := readSteps(t, "In front of your site")
	workers := strings.Fields(m.run("/", "pgrep -f '^nginx: worker process'"))
	for _, step := range steps[:len(steps)-1] {
		if said := m.do(step, checkout); strings.Contains(step.text, "realdocd check") && strings.Contains(said, "warning") {
			t.Errorf("check says\n%s", said)
		}
	}
	m.awaitReload(workers)
	m.wantPage("/index.php", "42 42 42 42")
	m.wantPage("/", "42 42 42 42")
	m.wantPage("/a/page", "42 42 42 42") // of the front controller
	m.serveAnotherSite()
	for name, want := range map[string]string{"realdocd.socket": "sockets.target", "realdocd.service": "multi-user.target"} {
		if _, err := os.Lstat(m.path("/etc/systemd/system/" + want + ".wants/" + name)); err != nil {
			t.Errorf("%s does not start with the machine: %v", name, err)
		}
	}
	m.do(steps[len(steps)-1], checkout)
	m.wantPage("/", "43 43 43 43")
}

// serveAnotherSite writes the README's configuration of a site for a second one: its text must
// fit twice into one nginx.
func (m *machine) serveAnotherSite() {
	m.t.Helper()
	for _, file := range []string{"/etc/nginx/sites-enabled/shop.conf", configFile} {
		text := m.read(file)
		if file == configFile {
			_, text, _ = strings.Cut(text, "[site.shop]")
			m.write(file, m.read(file)+"\n[site.blog]"+strings.ReplaceAll(text, "shop", "blog"))
			continue
		}
		m.write(strings.Replace(file, "shop", "blog", 1), strings.ReplaceAll(text, "shop", "blog"))
	}
	workers := strings.Fields(m.run("/", "pgrep -f '^nginx: worker process'"))
	m.run("/", "cp -a /var/www/shop /var/www/blog; systemctl reload realdocd; nginx -t 2>&1; systemctl reload nginx")
	m.awaitReload(workers)
	if status, body := m.get("blog.example.com", "/"); status != http.StatusOK || body != "42 42 42 42" {
		m.t.Errorf("the page of the second site is %d %q", status, body)
	}
}

// The README's two lines, without any configuration.
func TestReadme_ItCanBeTriedAndAskedForAPage(t *testing.T) {
	stack.Need(t, "php-fpm8.2")
	stack.Need(t, "cgi-fcgi")
	b := build(t)
	m := newMachine(t)
	m.run("/", shopBefore)
	m.copyIn(b.old.binary, "/usr/bin")
	m.run("/", "chmod 755 /usr/bin/realdocd; echo '<?php echo $_SERVER[\"REALDOC_RELEASE\"];' >/var/www/shop/releases/42/public/index.php")
	steps := readSteps(t, "To try it")
	if len(steps) != 2 {
		t.Fatalf("there are %d steps, want 2", len(steps))
	}
	m.run("/root", strings.TrimSuffix(steps[0].text, "\n")+" >serve.log 2>&1 & while ! test -S gw.sock; do sleep 0.05; done")
	said := m.run("/root", steps[1].text)
	if _, page, _ := strings.Cut(strings.ReplaceAll(said, "\r\n", "\n"), "\n\n"); page != "42" {
		t.Errorf("the page is %q, want that of release 42", said)
	}
}

// A step is a fenced block: a script to run, or the text of a file.
type step struct{ file, text string }

func (m *machine) do(s step, dir string) (said string) {
	m.t.Helper()
	if s.file != "" {
		m.write(s.file, s.text)
		return ""
	}
	said = m.run(dir, s.text)
	m.t.Logf("%s%s", s.text, said)
	return said
}

// readSteps gives the blocks of a section that are marked as to what they are. A file's name is the last one
// in the text before it.
func readSteps(t *testing.T, section string) (steps []step) {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(readme), "\n## "+section+"\n")
	if !found {
		t.Fatalf("the README has no section %q", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	inline := regexp.MustCompile("`(/etc/[^`]+)`")
	for _, block := range regexp.MustCompile("(?s)(.*?)\n```([a-z]*)\n(.*?)```\n").FindAllStringSubmatch(text, -1) {
		before, language, body := block[1], block[2], block[3]
		names := inline.FindAllStringSubmatch(before, -1)
		switch {
		case language == "":
		case language == "sh":
			steps = append(steps, step{text: body})
		case len(names) > 0:
			steps = append(steps, step{file: names[len(names)-1][1], text: body})
		default:
			t.Fatalf("the text before this block does not say which file it is:\n%s", body)
		}
	}
	if len(steps) < 2 {
		t.Fatalf("the section %q has %d steps", section, len(steps))
	}
	return steps
}

// awaitReload waits until those that had the configuration before have gone: nginx -s reload does not.
func (m *machine) awaitReload(workers []string) {
	m.t.Helper()
	for _, pid := range workers {
		stack.Until(m.t, "nginx's worker "+pid+" has ended", func() bool {
			_, err := os.Stat(m.path("/proc/" + pid))
			return os.IsNotExist(err)
		})
	}
}

func (m *machine) wantPage(path, want string) {
	m.t.Helper()
	status, body := m.get(shopHost, path)
	if status != http.StatusOK || body != want {
		m.t.Fatalf("the page %s is %d %q, want 200 %q", path, status, body, want)
	}
}

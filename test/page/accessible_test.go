package page

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"realdocd/test/browser"
	"realdocd/test/stack"
)

// axe is the program that looks for what keeps people out of a page, from npm.
const axe = "axe-core@4.14.1"

// fetchAxe gives axe's code, which npm fetches once.
func fetchAxe(t *testing.T) string {
	t.Helper()
	stack.Need(t, "npm")
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "realdocd-"+axe)
	file := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if _, err := os.Stat(file); err != nil {
		out, err := exec.Command("npm", "install", "--no-save", "--ignore-scripts", "--prefix", dir, axe).CombinedOutput()
		if err != nil {
			stack.Unproven(t, fmt.Sprintf("npm does not have %s: %v\n%s", axe, err, out))
		}
	}
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(code)
}

func TestPage_KeepsNobodyOut(t *testing.T) {
	code := fetchAxe(t)
	s := openShop(t, 2)
	stop := s.traffic(t, 0, "/serves.php")
	defer stop()
	b := browser.Start(t)
	for name, url := range map[string]string{"overview": s.page, "site": s.site(0)} {
		v := view(t, b, url)
		v.await("it is live", isLive)
		v.Eval(code+";0", nil)
		for _, look := range []browser.Look{{Width: 1200, Height: 900}, {Width: 1200, Height: 900, Dark: true}, {Width: 390, Height: 900}} {
			v.Show(look)
			for _, f := range v.keepsOut() {
				t.Errorf("%s, %+v: %s: %s: %s", name, look, f.ID, f.Help, f.Where)
			}
		}
	}
}

// A barrier is what keeps somebody out of a page.
type barrier struct {
	ID, Help string
	Where    []string
}

// keepsOut asks axe.
func (v *viewer) keepsOut() (found []barrier) {
	v.t.Helper()
	var text string
	v.Eval(`axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then((r) =>
		JSON.stringify(r.violations.map((v) => ({id: v.id, help: v.help, where: v.nodes.map((n) => n.html)}))))`, &text)
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		v.t.Fatal(err)
	}
	return found
}

func TestPage_IsUsedByKeyboard(t *testing.T) {
	s := openShop(t, 2)
	v := view(t, browser.Start(t), s.page)
	v.await("it is live", isLive)
	for range 30 {
		v.Key("Tab", "", 9)
		var at string
		if v.Eval(`document.activeElement.textContent`, &at); at == s.sites[1].Name {
			break
		}
	}
	v.Key("Enter", "\r", 13)
	v.await("the site's page is there", fmt.Sprintf(`location.search.includes(%q)`, s.sites[1].Name))
}

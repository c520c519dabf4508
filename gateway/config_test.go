package gateway

import "testing"

func TestSiteConfig_TakesTheDocrootThatIsMeant(t *testing.T) {
	const pattern = "/www/*/current"
	for _, row := range []struct{ docroot, asked, want, fault string }{
		{docroot: "/www/a", asked: "", want: "/www/a"},
		{docroot: "/www/a", asked: "/www//a/", want: "/www/a"},
		{docroot: "/www/a", asked: "/www/b", fault: "/www/b does not match the docroot of site shop, which is /www/a"},
		{docroot: pattern, asked: "", fault: "the docroot of site shop is the pattern /www/*/current: say which one is meant, as in shop/NAME with what the wildcard stands for"},
		{docroot: pattern, asked: "/www/b/current/", want: "/www/b/current"},
		{docroot: pattern, asked: "/www/b/c/current", fault: "/www/b/c/current does not match the docroot of site shop, which is /www/*/current"},
	} {
		got, err := SiteConfig{Name: "shop", Docroot: row.docroot}.DocrootOf(row.asked)
		if err != nil && err.Error() != row.fault || err == nil && row.fault != "" || got != row.want {
			t.Errorf("%q of %s: %q, %v", row.asked, row.docroot, got, err)
		}
	}
}

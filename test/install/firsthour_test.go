package install

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// The README's steps, word for word, and what an operator does next: each with what he sees.
func TestBoot_TheFirstHour(t *testing.T) {
	m := boot(t)
	s := &session{booted: m, dir: "/root/realdocd"}
	m.run(strings.ReplaceAll(shopBefore, "systemctl start php8.2-fpm nginx", "systemctl restart php8.2-fpm nginx"))
	// What make deb leaves, which takes Go and a network.
	m.run("mkdir -p /root/realdocd/dist && mv /root/new.deb /root/realdocd/dist/realdocd_" + newVersion + "_amd64.deb")
	m.run("printf '#!/bin/sh\\n' >/usr/local/bin/make; chmod 755 /usr/local/bin/make")

	s.putInFront()
	s.mistypes()
	s.changesTheWebServersUser()
	s.installsAgain()
	s.publish()
}

// putInFront does the steps of the README.
func (s *session) putInFront() {
	s.t.Helper()
	s.story("The steps of the README", "The machine is a Debian 12 with nginx, PHP-FPM and a site of two releases, 42 and 43, of which 42 is live.")
	steps := readSteps(s.t, "In front of your site")
	workers := s.run("pgrep -f '^nginx: worker process'")
	for _, step := range steps[:len(steps)-1] {
		if step.file != "" {
			s.writes(step.file, step.text)
			continue
		}
		for line := range strings.Lines(step.text) {
			s.quietIfCheck(line, s.does(line))
		}
	}
	// nginx -s reload does not wait for those that have the configuration from before.
	stack.Until(s.t, "nginx has reloaded", func() bool {
		_, err := s.try("kill -0 " + strings.ReplaceAll(workers, "\n", " || kill -0 "))
		return err != nil
	})
	s.says("The page names its release four times: a file of include_path, the script, DOCUMENT_ROOT and REALDOC_RELEASE.")
	const page = "curl -sS -H 'Host: shop.example.com' http://127.0.0.1/"
	s.does(page)
	s.does("realdocd version")
	s.does("realdocd status")
	s.says("A deploy:")
	s.does(steps[len(steps)-1].text)
	if said := s.does(page); said != "43 43 43 43" {
		s.t.Errorf("after the deploy the page is %q", said)
	}
	s.quietIfCheck("realdocd check", s.does("realdocd check"))
}

// quietIfCheck wants check to say nothing: all is well.
func (s *session) quietIfCheck(command, said string) {
	s.t.Helper()
	if strings.Contains(command, "realdocd check") && said != "" {
		s.t.Errorf("check says\n%s", said)
	}
}

func (s *session) awaits(page string) {
	s.t.Helper()
	stack.Until(s.t, "the page is "+page, func() bool { return s.curl(shopHost, "/") == page })
}

// mistypes has a typo in the configuration, and a reload and a restart with it.
func (s *session) mistypes() {
	s.t.Helper()
	s.story("A typo", "A reload with a faulty file fails, and changes nothing.")
	s.does("sed -i 's/^docroot /docrot /' " + configFile)
	s.fails("systemctl reload realdocd")
	const fault = `:5: unknown key "docrot" in [site.shop]; did you mean "docroot"?`
	if said := s.does("journalctl --no-pager -p warning -u realdocd | tail -2"); !strings.Contains(said, fault) {
		s.t.Errorf("journalctl -p warning says\n%s", said)
	}
	if page := s.curl(shopHost, "/"); page != "43 43 43 43" {
		s.t.Errorf("after the reload the page is %q", page)
	}
	s.says("A restart ends what runs, and cannot start again. Visitors wait meanwhile, in the socket that systemd holds, and get their page when the file is mended.")
	s.does("(for n in $(seq 20); do curl -sS -H 'Host: shop.example.com' http://127.0.0.1/; echo; sleep 0.3; done) >/root/visitors 2>&1 &")
	s.fails("systemctl restart realdocd")
	s.fails("systemctl restart realdocd")
	// More than the start limit that systemd has by default, and than the trigger limit of a socket.
	for range 8 {
		if said, err := s.try("systemctl restart realdocd"); err == nil {
			s.t.Fatalf("it starts with a faulty file: %s", said)
		}
	}
	if said := s.does("systemctl is-active realdocd.socket"); said != "active" {
		s.t.Errorf("the socket is %s", said)
	}
	s.does("sed -i 's/^docrot /docroot /' " + configFile)
	s.does("systemctl restart realdocd")
	stack.Until(s.t, "the visitors have their pages", func() bool { return s.run("wc -l </root/visitors") == "20" })
	if said := s.does("sort /root/visitors | uniq -c"); strings.Join(strings.Fields(said), " ") != "20 43 43 43 43" {
		s.t.Errorf("visitors got\n%s", said)
	}
	if said := s.run("systemctl is-active realdocd.service realdocd.socket; systemctl --failed --no-legend"); said != "active\nactive" {
		s.t.Errorf("after the story: %s", said)
	}
	s.losesNothing("systemctl restart realdocd")
	s.losesNothing("systemctl reload realdocd")
}

// losesNothing does something six times while visitors come.
func (s *session) losesNothing(what string) {
	s.t.Helper()
	s.run(fmt.Sprintf(`rm -f /root/done; for n in 1 2 3 4; do (while [ ! -e /root/done ]; do curl -sS -H 'Host: shop.example.com' http://127.0.0.1/; echo; done >/root/visitors.$n 2>&1) & done
		for i in 1 2 3 4 5 6; do %s; done; touch /root/done; wait`, what))
	if said := s.run("sort /root/visitors.* | uniq -c"); !strings.HasSuffix(said, " 43 43 43 43") || strings.Contains(said, "\n") {
		s.t.Errorf("under six times %s visitors got\n%s", what, said)
	} else {
		s.t.Logf("six times %s: %s", what, said)
	}
}

// changesTheWebServersUser is the first hour of everybody with the nginx of nginx.org.
func (s *session) changesTheWebServersUser() {
	s.t.Helper()
	s.story("A web server of another user", "The nginx of nginx.org runs as the user nginx, which is not in the group of the socket.")
	s.run("useradd --system --no-create-home nginx && sed -i 's/^user .*/user nginx;/' /etc/nginx/nginx.conf && systemctl restart nginx")
	s.does("curl -sS -o /dev/null -w '%{http_code}\\n' -H 'Host: shop.example.com' http://127.0.0.1/")
	if said := s.does("tail -1 /var/log/nginx/error.log"); !strings.Contains(said, "realdocd.sock failed (13: Permission denied)") {
		s.t.Errorf("nginx says\n%s", said)
	}
	const mends = "usermod -aG www-data nginx"
	if said, _ := s.types("realdocd check"); !strings.Contains(said, mends) {
		s.t.Errorf("check says\n%s", said)
	}
	s.does(mends + " && systemctl restart nginx")
	s.awaits("43 43 43 43")
	s.does("curl -sS -H 'Host: shop.example.com' http://127.0.0.1/")
}

// installsAgain sees that the package says what to do about such a user.
func (s *session) installsAgain() {
	s.t.Helper()
	s.run("gpasswd -d nginx www-data")
	deb := "/root/realdocd/dist/" + filepath.Base(s.run("ls /root/realdocd/dist"))
	said := s.run("dpkg -P realdocd; ls -d /etc/realdocd /var/lib/realdocd /var/log/realdocd /run/realdocd 2>&1; dpkg -i " + deb + " 2>&1")
	if strings.Count(said, "No such file") != 4 {
		s.t.Errorf("a purge leaves something:\n%s", said)
	}
	if !strings.Contains(said, "usermod -aG www-data nginx") {
		s.t.Errorf("an installation does not say that nginx cannot reach the socket:\n%s", said)
	}
}

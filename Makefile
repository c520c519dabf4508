# make help lists the targets.

PREFIX     ?= /usr
BINDIR     ?= $(PREFIX)/bin
DATADIR    ?= $(PREFIX)/share
SYSCONFDIR ?= /etc
UNITDIR    ?= $(SYSCONFDIR)/systemd/system
ZSHDIR     ?= $(DATADIR)/zsh/$(if $(wildcard /etc/debian_version),vendor-completions,site-functions)
DESTDIR    ?=

# The web server's group: it may connect to realdocd, and realdocd to PHP-FPM's sockets.
WEBUSER ?= www-data

COMMIT ?= $(or $(shell git describe --always --exclude='*' --abbrev=12 --dirty 2>/dev/null),unknown)

# The time of everything in a package: that of the commit, so that another build of
# it gives the same bytes.
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),$(shell stat -c %Y CHANGELOG.md))

# Without a tag, or without git, the time of the commit tells which version is later.
VERSION ?= $(or $(shell git describe --tags --dirty 2>/dev/null),v0.0.0+git$(shell date -u -d @$(SOURCE_DATE_EPOCH) +%Y%m%d%H%M%S).$(subst -,.,$(COMMIT)))

# v1.2.0-rc1 comes before 1.2.0, and the third commit after v1.2.0 after it.
PACKAGE_VERSION ?= $(shell echo '$(VERSION)' | sed 's/^v//; s/-\([0-9]*\)-g/+\1.g/; s/-dirty$$/+dirty/; s/-/~/g')
ARCH = $(or $(GOARCH),$(shell go env GOARCH))

FUZZTIME     ?= 30s
TEST_TIMEOUT ?= 25m

# The results that go test caches know nothing of the binary and the servers that the
# tests start: each run is a new one.
TESTFLAGS ?= -count=1 -timeout $(TEST_TIMEOUT)

# Outside go.mod, so that they are no dependencies of the program.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     = mvdan.cc/gofumpt@v0.12.0
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
NFPM        = github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2

.DEFAULT_GOAL := build

GOBUILD = build -trimpath -buildvcs=false -ldflags "-X main.version=$(VERSION) -X main.commit=$(COMMIT)"

.PHONY: build
build: ## bin/realdocd and bin/realdocd-fleet, static (the default), and bin/completions
	CGO_ENABLED=0 go $(GOBUILD) -tags noetcd -o bin/realdocd ./cmd/realdocd
	CGO_ENABLED=0 go $(GOBUILD) -o bin/realdocd-fleet ./cmd/realdocd
	@mkdir -p bin/completions; run=bin/realdocd; \
	if [ "$$(go env GOOS GOARCH)" != "$$(go env GOHOSTOS GOHOSTARCH)" ]; then \
		run="env GOOS= GOARCH= go run ./cmd/realdocd"; \
	fi; \
	for shell in bash zsh fish; do \
		$$run completion "$$shell" > "bin/completions/$$shell" || exit 1; \
	done

	@{ cat LICENSE; $(DEPENDENCIES) | while read -r path version dir; do \
		printf '\n\n======== %s %s\n\n' "$$path" "$$version"; \
		find "$$dir" -maxdepth 1 -type f \( -iname 'licen[sc]e*' -o -iname 'copying*' -o -iname 'notice*' \) | sort | xargs cat; \
	done; } >bin/copyright

# What the programs are linked with: realdocd-fleet has a client of etcd too. Their licences go with it.
DEPENDENCIES = env GOOS= GOARCH= go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/realdocd | grep . | sort -u

# For install: sudo make install has no Go, nor needs it after make build.
bin/realdocd bin/realdocd-fleet bin/completions bin/copyright:
	$(MAKE) build

.PHONY: demo
demo: deps-demo build ## a deploy every half second under traffic; KEEP=1 leaves it up
	REALDOCD_BIN="$(CURDIR)/bin/realdocd" KEEP="$(KEEP)" go run ./test/demo

.PHONY: test
test: deps-test ## all tests, with the real web servers and PHP-FPM
	go test $(TESTFLAGS) ./...

.PHONY: race
race: deps-race ## all tests under the race detector
	go test -race $(TESTFLAGS) ./...

.PHONY: filtered
filtered: deps-test ## the end-to-end tests, with realdocd under the filter of system calls of its unit
	REALDOCD_UNIT_FILTER=1 go test $(TESTFLAGS) ./test/e2e

# A Debian to boot. It is made once, by debootstrap, from the network.
MACHINE ?= /var/tmp/realdocd-machine

.PHONY: boot
boot: deps-boot ## the packages in a Debian with a real systemd, in MACHINE=; writes realdocd-firsthour(7)
	test -e "$(MACHINE)/usr/sbin/nginx" || debootstrap --variant=minbase \
		--include=systemd,systemd-sysv,dbus,php8.2-fpm,nginx-light,rsync,procps,libfcgi-bin,curl,sudo bookworm "$(MACHINE)" && \
		echo 'deb http://deb.debian.org/debian-security bookworm-security main' >"$(MACHINE)/etc/apt/sources.list.d/security.list" && \
		chroot "$(MACHINE)" sh -c 'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get dist-upgrade -q -y'
	CI=true MANUAL_WRITE=1 REALDOCD_MACHINE="$(MACHINE)" go test $(TESTFLAGS) -v -run '^TestBoot_' ./test/install

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME=30s
	@grep -r --include='*_test.go' '^func Fuzz' . | while IFS=: read -r file line; do \
		name=$${line#func }; name=$${name%%(*}; \
		echo "fuzz $$name in $${file%/*}, $(FUZZTIME)"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$${file%/*}" </dev/null || exit 1; \
	done

.PHONY: lint
lint: ## go vet, staticcheck, gofumpt
	go vet ./...
	go run $(STATICCHECK) ./...
	@unformatted=$$(go run $(GOFUMPT) -l .) || exit 1; \
	if [ -n "$$unformatted" ]; then \
		echo "not as gofumpt writes it; run: go run $(GOFUMPT) -w ."; echo "$$unformatted"; exit 1; \
	fi

.PHONY: vuln
vuln: ## known faults in what the program is linked with, from vuln.go.dev
	go run $(GOVULNCHECK) ./...

.PHONY: screenshots
screenshots: deps-test ## those of the page, in test/page/screenshots
	PAGE_WRITE=1 go test $(TESTFLAGS) -run Screenshots ./test/page

.PHONY: bench
bench: deps-bench ## what realdocd costs, in ratios to other ways; ROUNDS=7 BENCH="throughput modes settings seen pins large static overload kept disk growth idle" MANUAL_WRITE=1
	go run ./test/bench $(BENCH)

.PHONY: costs
costs: build ## size and idle memory of realdocd, and of what it would be with a client of etcd
	test/bench/costs.sh bin/realdocd bin/realdocd-fleet

.PHONY: robust
robust: deps-test ## attacks and faults, for real; writes their tables in realdocd-robustness(7)
	MANUAL_WRITE=1 CI=true go test $(TESTFLAGS) ./test/robust

.PHONY: pins
pins: deps-test ## clients and a browser that keep their release across 200 flips, 10,000 pages; writes the attacks in realdocd-pins(7)
	FLIPS=$(or $(FLIPS),200) PAGES=$(or $(PAGES),10000) MANUAL_WRITE=1 CI=true go test -count=1 -timeout 60m -v ./test/pins

SOAK ?= 1m

.PHONY: soak
soak: deps-test ## mixed traffic, deploys, upgrades and faults from a seed; SOAK=1h, or SOAK=1000000 requests, SEED=7; writes realdocd-robustness(7)
	SOAK=$(SOAK) SEED=$(SEED) MANUAL_WRITE=1 CI=true go test -count=1 -timeout 24h -run TestSoak -v ./test/robust

CANARY_RUNS ?= 20

.PHONY: canary
canary: deps-test ## canaries and bakes of good and bad releases, 200 by simulation and CANARY_RUNS=20 for real; writes the tables in realdocd-canary(7)
	MANUAL_WRITE=1 go test -count=1 -timeout 1h -run TestSimulation ./gateway/judge
	CANARY_RUNS=$(CANARY_RUNS) MANUAL_WRITE=1 CI=true go test -count=1 -timeout 48h -v -run 'TestCanary|TestBake' ./test/e2e

FLEET_RUNS ?= 10

.PHONY: fleet
fleet: deps-test ## 200 flips of 16 hosts, each fault FLEET_RUNS=10 times on 8 hosts, and requests while etcd is away; SEED=7; writes realdocd-fleet(7)
	@[ "$$(id -u)" = 0 ] || { echo "make fleet needs root: hosts are network namespaces" >&2; exit 1; }
	FLEET_RUNS=$(FLEET_RUNS) SEED=$(SEED) MANUAL_WRITE=1 CI=true go test -count=1 -timeout 24h -v ./test/fleet
	@sed -n '/written by make fleet:/,/^\.\\" end of/p' etc/man/realdocd-fleet.7

# Both what tests call and what the daemons run that tests start: those write what they
# have run into GOCOVERDIR when they end.
COVER ?= dist/cover

.PHONY: cover
cover: deps-test ## which statements all tests together run; COVERTESTS="./gateway/... ./test/robust" for some of them
	rm -rf $(COVER); mkdir -p $(COVER)/tests $(COVER)/daemons
	CGO_ENABLED=0 go build -cover -coverpkg=./... -o $(COVER)/realdocd ./cmd/realdocd
	GOCOVERDIR=$(CURDIR)/$(COVER)/daemons REALDOCD_BIN=$(CURDIR)/$(COVER)/realdocd \
		go test $(TESTFLAGS) -cover -coverpkg=./... $(or $(COVERTESTS),./...) -args -test.gocoverdir=$(CURDIR)/$(COVER)/tests || true
	go tool covdata textfmt -i=$(COVER)/tests,$(COVER)/daemons -o $(COVER)/all.txt
	go run ./test/cover $(COVER)/all.txt

.PHONY: planted
planted: deps-test ## faults that realdocd check has to find, planted as root; writes the table in realdocd-check(8)
	@[ "$$(id -u)" = 0 ] || { echo "make planted needs root: some faults take other users" >&2; exit 1; }
	MANUAL_WRITE=1 CI=true go test $(TESTFLAGS) ./test/check

.PHONY: applications
applications: deps-applications ## check in front of six applications of Debian's; writes the table in realdocd-check(8)
	APPLICATIONS=1 MANUAL_WRITE=1 CI=true go test $(TESTFLAGS) -run TestCheckRaisesNoFalseAlarm ./test/check

.PHONY: matrix
matrix: deps-matrix ## what passes with which web server; writes the table in realdocd(8)
	MANUAL_WRITE=1 CI=true go test $(TESTFLAGS) ./test/matrix
	@sed -n '/written by make matrix: web servers$$/,/end of web servers$$/p' etc/man/realdocd.8

FLEET_HOSTS ?= 200
FLEET_SITES ?= 20

.PHONY: fleetscale
fleetscale: deps-test ## FLEET_HOSTS=200 agents with FLEET_SITES=20 in one process, around an etcd; writes the table in realdocd-fleet(7)
	FLEET_HOSTS=$(FLEET_HOSTS) FLEET_SITES=$(FLEET_SITES) FLEET_REST=60 MANUAL_WRITE=1 go test -count=1 -timeout 30m -v ./test/fleet/scale

.PHONY: destroy
destroy: deps-test ## what deploy does where it could destroy something, as root; writes the table in realdocd-deploy(7)
	MANUAL_WRITE=1 CI=true go test $(TESTFLAGS) -run 'KilledAtAnyStep' ./deploy
	MANUAL_WRITE=1 CI=true go test $(TESTFLAGS) ./test/destroy
	@sed -n '/written by make destroy: situations$$/,/end of situations$$/p' etc/man/realdocd-deploy.7

.PHONY: install
install: bin/realdocd bin/realdocd-fleet bin/completions bin/copyright ## DESTDIR= PREFIX=/usr WEBUSER=www-data; a configuration that is there already stays
	install -D -m 0755 bin/realdocd "$(DESTDIR)$(BINDIR)/realdocd"
	install -D -m 0755 bin/realdocd-fleet "$(DESTDIR)$(BINDIR)/realdocd-fleet"
	@for conf in realdocd/realdocd.toml logrotate.d/realdocd; do \
		if [ -e "$(DESTDIR)$(SYSCONFDIR)/$$conf" ]; then \
			echo "$(DESTDIR)$(SYSCONFDIR)/$$conf stays as it is"; \
		else \
			install -D -m 0644 "etc/$$conf" "$(DESTDIR)$(SYSCONFDIR)/$$conf" || exit 1; \
		fi; \
	done
	for unit in etc/systemd/system/*; do \
		sed 's|/usr/bin/realdocd|$(BINDIR)/realdocd|; s|/etc/realdocd/|$(SYSCONFDIR)/realdocd/|g; s|www-data|$(WEBUSER)|g' "$$unit" | \
			install -D -m 0644 /dev/stdin "$(DESTDIR)$(UNITDIR)/$${unit##*/}" || exit 1; \
	done
	sed 's|www-data|$(WEBUSER)|g' etc/sysusers.d/realdocd.conf | \
		install -D -m 0644 /dev/stdin "$(DESTDIR)$(PREFIX)/lib/sysusers.d/realdocd.conf"
	@if [ -z "$(DESTDIR)" ] && command -v systemd-sysusers >/dev/null; then \
		systemd-sysusers "$(PREFIX)/lib/sysusers.d/realdocd.conf"; \
	else \
		echo "the user realdocd is made by: systemd-sysusers $(PREFIX)/lib/sysusers.d/realdocd.conf"; \
	fi
	for page in etc/man/*.[1578]; do \
		gzip -9nc "$$page" | \
			install -D -m 0644 /dev/stdin "$(DESTDIR)$(DATADIR)/man/man$${page##*.}/$${page##*/}.gz" || exit 1; \
	done
	install -D -m 0644 bin/completions/bash "$(DESTDIR)$(DATADIR)/bash-completion/completions/realdocd"
	install -D -m 0644 bin/completions/zsh "$(DESTDIR)$(ZSHDIR)/_realdocd"
	install -D -m 0644 bin/completions/fish "$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/realdocd.fish"
	find $(SAMPLES) -type f | while read -r sample; do \
		install -D -m 0644 "$$sample" "$(DESTDIR)$(DATADIR)/doc/realdocd/examples/$${sample#etc/}" || exit 1; \
	done
	install -D -m 0644 bin/copyright "$(DESTDIR)$(DATADIR)/doc/realdocd/copyright"
	gzip -9nc CHANGELOG.md | install -D -m 0644 /dev/stdin "$(DESTDIR)$(DATADIR)/doc/realdocd/changelog.gz"

# What is loaded into other programs, or copied from: everything of etc/ but what has
# a place of its own.
SAMPLES = $(filter-out %_test.go etc/logrotate.d etc/man etc/package etc/systemd etc/sysusers.d,$(wildcard etc/*))

# A package is what make install installs, in the distribution's places.
deb: ZSHDIR = /usr/share/zsh/vendor-completions
rpm: ZSHDIR = /usr/share/zsh/site-functions
# Fedora's and RHEL's PHP-FPM lets apache and nginx in; there is no www-data.
rpm: WEBUSER = apache

.PHONY: deb rpm
deb: build ## dist/realdocd_VERSION_ARCH.deb, for Debian and Ubuntu
rpm: build ## dist/realdocd_VERSION_ARCH.rpm, for Fedora, RHEL and their kin
deb rpm:
	rm -rf dist/$@ dist/*.$@
	umask 022; $(MAKE) --no-print-directory install DESTDIR=dist/$@ PREFIX=/usr BINDIR=/usr/bin DATADIR=/usr/share \
		SYSCONFDIR=/etc UNITDIR=/usr/lib/systemd/system ZSHDIR=$(ZSHDIR) WEBUSER=$(WEBUSER) >/dev/null
	find dist/$@ -exec touch -h -d @$(SOURCE_DATE_EPOCH) {} +
	GOOS= GOARCH= GOFLAGS= STAGE=dist/$@ ARCH=$(ARCH) VERSION='$(PACKAGE_VERSION)' SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) \
		go run $(NFPM) package --config etc/package/nfpm.yaml --packager $@ \
		--target 'dist/realdocd_$(PACKAGE_VERSION)_$(ARCH).$@'

# The same commit gives the same bytes here too. The directories that are written are for
# any user.
.PHONY: container
container: build ## dist/container/root.tar, which etc/container/Containerfile adds
	rm -rf dist/container
	install -D -m 0755 bin/realdocd dist/container/root/usr/bin/realdocd
	install -D -m 0755 bin/realdocd-fleet dist/container/root/usr/bin/realdocd-fleet
	install -D -m 0644 etc/container/realdocd.toml dist/container/root/etc/realdocd/realdocd.toml
	install -D -m 0644 bin/copyright dist/container/root/usr/share/doc/realdocd/copyright
	install -d -m 0755 dist/container/root/run dist/container/root/var/lib dist/container/root/var/www
	install -d -m 1777 $(addprefix dist/container/root,/run/realdocd /run/probe /var/lib/realdocd)
	tar -C dist/container/root --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$(SOURCE_DATE_EPOCH) -cf dist/container/root.tar .
	rm -rf dist/container/root

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist
	find . -name '*.test' -type f -delete -o -name '*.prof' -type f -delete

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-8s %s\n' "$$name" "$$text"; \
	done

# deps-TARGET: the programs beside Go that TARGET needs. Root gets them
# installed, everybody else is told what is missing.
deps-%:
	@.ci/deps $*

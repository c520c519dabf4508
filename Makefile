GO       ?= go
PREFIX   ?= /usr
FUZZTIME ?= 30s

# Linters are pinned here, not in go.mod: they are no part of the program.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     = mvdan.cc/gofumpt@v0.12.0

COMMIT  := $(shell git rev-parse --short=12 HEAD 2>/dev/null)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

.PHONY: build demo test race fuzz lint bench install clean help

build: ## bin/realdocd, a static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/realdocd ./cmd/realdocd

demo: build ## one release after another under traffic, through realdocd and without it (KEEP=1 stays up)
	@.ci/deps nginx php8.2-fpm
	REALDOCD_BIN=$(CURDIR)/bin/realdocd $(GO) run ./test/demo

test: ## all tests, on real nginx, Apache, HAProxy and PHP-FPM
	@.ci/deps nginx libnginx-mod-stream php8.2-fpm apache2 haproxy systemd mandoc
	$(GO) test -timeout 10m ./...

race: ## all tests under the race detector
	@.ci/deps nginx libnginx-mod-stream php8.2-fpm apache2 haproxy systemd mandoc gcc libc6-dev
	CGO_ENABLED=1 $(GO) test -race -timeout 20m ./...

fuzz: ## each fuzz target for FUZZTIME
	@.ci/deps php8.2-fpm
	@set -e; for file in $$(grep -rl --include='*_test.go' '^func Fuzz' .); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$file); do \
			echo "$$(dirname $$file) $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$file); \
		done; done

lint: ## go vet, staticcheck, gofumpt
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	@unformatted=$$($(GO) run $(GOFUMPT) -l .); test -z "$$unformatted" || { echo "not formatted: $$unformatted"; exit 1; }

bench: build ## requests per second, latency and CPU beside nginx, HAProxy and gofast
	@.ci/deps nginx libnginx-mod-stream php8.2-fpm haproxy wrk
	REALDOCD_BIN=$(CURDIR)/bin/realdocd $(GO) run ./test/bench

install: build ## below DESTDIR: the binary, the unit, configuration, samples and man pages
	install -D -m 0755 bin/realdocd $(DESTDIR)$(PREFIX)/bin/realdocd
	test -e $(DESTDIR)/etc/realdocd/realdocd.toml || install -D -m 0644 etc/realdocd/realdocd.toml $(DESTDIR)/etc/realdocd/realdocd.toml
	install -D -m 0644 etc/systemd/system/realdocd.service $(DESTDIR)$(PREFIX)/lib/systemd/system/realdocd.service
	cd etc && find nginx apache2 php -type f -exec install -D -m 0644 {} $(DESTDIR)$(PREFIX)/share/doc/realdocd/examples/{} \;
	install -D -m 0644 etc/man/realdocd.8 $(DESTDIR)$(PREFIX)/share/man/man8/realdocd.8
	install -D -m 0644 etc/man/realdocd.toml.5 $(DESTDIR)$(PREFIX)/share/man/man5/realdocd.toml.5

clean: ## what build made
	rm -rf bin

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 10

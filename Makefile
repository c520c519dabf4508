# make help lists the targets.

PREFIX     ?= /usr
BINDIR     ?= $(PREFIX)/bin
DATADIR    ?= $(PREFIX)/share
SYSCONFDIR ?= /etc
UNITDIR    ?= $(SYSCONFDIR)/systemd/system
DESTDIR    ?=

# A source tree without git, or without a tag, has no version of its own.
VERSION ?= $(or $(shell git describe --tags --dirty 2>/dev/null),devel)
COMMIT  ?= $(or $(shell git rev-parse --short=12 HEAD 2>/dev/null),unknown)

FUZZTIME     ?= 30s
TEST_TIMEOUT ?= 12m

# The results that go test caches know nothing of the binary and the servers that the
# tests start: each run is a new one.
TESTFLAGS ?= -count=1 -timeout $(TEST_TIMEOUT)

# Outside go.mod, so that they are no dependencies of the program.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     = mvdan.cc/gofumpt@v0.12.0

.DEFAULT_GOAL := build

.PHONY: build
build: ## bin/realdocd, static (the default)
	CGO_ENABLED=0 go build -trimpath -buildvcs=false \
		-ldflags "-X main.version=$(VERSION) -X main.commit=$(COMMIT)" \
		-o bin/realdocd ./cmd/realdocd

# For install: sudo make install has no Go, nor needs it after make build.
bin/realdocd:
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

.PHONY: bench
bench: deps-bench ## what realdocd costs, in ratios to other ways; ROUNDS=5 BENCH="throughput overload kept growth idle"
	go run ./test/bench $(BENCH)

.PHONY: matrix
matrix: deps-matrix ## what passes with which web server; writes the table in the README
	MATRIX_WRITE=1 CI=true go test $(TESTFLAGS) ./test/matrix
	@sed -n '/^<!-- written by make matrix/,/^<!-- end of/p' README.md

.PHONY: install
install: bin/realdocd ## DESTDIR= PREFIX=/usr; a configuration that is there already stays
	install -D -m 0755 bin/realdocd "$(DESTDIR)$(BINDIR)/realdocd"
	@if [ -e "$(DESTDIR)$(SYSCONFDIR)/realdocd/realdocd.toml" ]; then \
		echo "$(DESTDIR)$(SYSCONFDIR)/realdocd/realdocd.toml stays as it is"; \
	else \
		set -x; install -D -m 0644 etc/realdocd/realdocd.toml "$(DESTDIR)$(SYSCONFDIR)/realdocd/realdocd.toml"; \
	fi
	install -d "$(DESTDIR)$(UNITDIR)"
	sed 's|/usr/bin/realdocd|$(BINDIR)/realdocd|; s|/etc/realdocd/|$(SYSCONFDIR)/realdocd/|g' \
		etc/systemd/system/realdocd.service > "$(DESTDIR)$(UNITDIR)/realdocd.service"
	chmod 0644 "$(DESTDIR)$(UNITDIR)/realdocd.service"
	install -D -m 0644 etc/logrotate.d/realdocd "$(DESTDIR)$(SYSCONFDIR)/logrotate.d/realdocd"
	cd etc && find nginx apache2 php realdocd -type f -exec \
		install -D -m 0644 {} "$(DESTDIR)$(DATADIR)/doc/realdocd/examples/{}" \;
	for page in etc/man/*.[1578]; do \
		install -D -m 0644 "$$page" "$(DESTDIR)$(DATADIR)/man/man$${page##*.}/$${page##*/}" || exit 1; \
	done

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
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

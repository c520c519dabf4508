// Package observe has a real Prometheus scrape a realdocd under traffic, with the rules and the
// dashboard of etc/: each query has data, and the right alerts fire and no others.
package observe

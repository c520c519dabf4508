#!/bin/sh
# The arguments of dpkg: remove, purge, upgrade and others. Those of rpm: how many of
# the package are left.
set -eu

case ${1-} in
remove | 0)
	[ ! -d /run/systemd/system ] || systemctl daemon-reload || true
	;;
purge)
	# The history of the sites, and what was put beside the configuration.
	rm -rf /var/lib/realdocd /etc/realdocd
	;;
esac

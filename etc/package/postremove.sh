#!/bin/sh
# The arguments of dpkg: remove, purge, upgrade and others. Those of rpm: how many of
# the package are left.
set -eu

case ${1-} in
remove | 0)
	[ ! -d /run/systemd/system ] || systemctl daemon-reload || true
	# Sockets, which the unit keeps from one process to the next.
	rm -rf /run/realdocd
	;;
purge)
	# The history of the sites, logs, what was put beside the configuration, and what an
	# upgrade has written. What an administrator has put beside that stays.
	rm -rf /var/lib/realdocd /var/log/realdocd /etc/realdocd
	rm -f /etc/systemd/system/realdocd.service.d/tcp.conf
	rmdir /etc/systemd/system/realdocd.service.d 2>/dev/null || true
	;;
esac

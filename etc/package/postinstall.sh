#!/bin/sh
# The arguments of dpkg: configure [VERSION-BEFORE], or abort-... to undo a removal.
# Those of rpm: how many of the package there are now.
set -eu

case ${1-} in
configure) before=${2-} ;;
1) before= ;;
2) before=some ;;
*) exit 0 ;;
esac

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	if [ -n "$before" ] && systemctl is-active --quiet realdocd.service; then
		# The new program takes the sockets over and the old one ends its own
		# requests; a restart would have new requests wait for old ones.
		# Before systemd 252 the option is --kill-who.
		systemctl kill --kill-whom=main --signal=USR2 realdocd.service 2>/dev/null ||
			systemctl kill --kill-who=main --signal=USR2 realdocd.service
	fi
fi

# Nothing is started: the configuration is a sample, and its site is not there.
if [ -z "$before" ]; then
	echo "realdocd: edit /etc/realdocd/realdocd.toml, try it with: realdocd check, then: systemctl enable --now realdocd.socket realdocd.service"
fi

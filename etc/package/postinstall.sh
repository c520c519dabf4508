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

# What systemd cannot do must not end an installation half-way: it has said why.
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi

# A first installation starts nothing: its configuration is a sample.
if [ -z "$before" ]; then
	echo "realdocd: edit /etc/realdocd/realdocd.toml, try it with: realdocd check, then: systemctl enable --now realdocd.socket realdocd.service"
	exit 0
fi

# The new program takes the sockets over and the old one ends its own requests; with
# a restart, new requests would wait for old ones.
if [ -d /run/systemd/system ] && systemctl is-active --quiet realdocd.service; then
	systemctl kill --kill-who=main --signal=USR2 realdocd.service ||
		echo "realdocd: the program from before the upgrade still runs; to change: systemctl restart realdocd"
fi

#!/bin/sh
# The arguments of dpkg: remove, or upgrade VERSION and others. Those of rpm: how many
# of the package will be left.
set -eu

case ${1-} in
remove | 0) ;;
*) exit 0 ;;
esac

# What systemd cannot do must not keep the package from going: it has said why.
if [ -d /run/systemd/system ]; then
	systemctl disable --now realdocd-fleet.service realdocd.socket realdocd.service || true
elif command -v systemctl >/dev/null; then
	# The links that an enabled unit has left in /etc.
	systemctl disable realdocd-fleet.service realdocd.socket realdocd.service || true
fi

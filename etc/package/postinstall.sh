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

users=/usr/lib/sysusers.d/realdocd.conf
web=$(sed -n 's/^m realdocd //p' "$users") # the web server's group

# The user, a member of that group. The files for it are the package's own.
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers "$users"
elif command -v useradd >/dev/null; then
	getent group realdocd >/dev/null || groupadd --system realdocd
	getent passwd realdocd >/dev/null ||
		useradd --system --gid realdocd --no-create-home --home-dir / --shell /usr/sbin/nologin realdocd
	getent group "$web" >/dev/null || groupadd --system "$web"
	usermod --append --groups "$web" realdocd
else
	echo "realdocd: make a user realdocd that is a member of $web: there is no systemd-sysusers nor useradd here" >&2
fi

# nginx.org's nginx, and some others, run as a user that is not in that group.
for user in nginx caddy haproxy; do
	if getent passwd "$user" >/dev/null && ! id -nG "$user" | tr ' ' '\n' | grep -qx "$web"; then
		echo "realdocd: a web server that runs as user $user may not connect to the socket, which is for the group $web: usermod -aG $web $user, and restart it"
	fi
done

# What systemd cannot do must not end an installation half-way: it has said why.
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi

# A first installation starts nothing: its configuration is a sample.
if [ -z "$before" ]; then
	echo "realdocd: edit /etc/realdocd/realdocd.toml, try it with: realdocd check, then: systemctl enable --now realdocd.socket realdocd.service"
	exit 0
fi

# owner PATH
owner() { stat -c %U "$1" 2>/dev/null || true; }

# A version before ran as the web server's user: PHP could write what was its own. What
# is there becomes realdocd's. PHP may still write to a directory of it while this runs:
# each name is taken in the directory that find has open, and no symlink is followed.
for dir in /var/lib/realdocd /var/log/realdocd; do
	if [ -d "$dir" ] && [ ! -L "$dir" ] && [ "$(owner "$dir")" != realdocd ]; then
		chown -h realdocd:realdocd "$dir" # first the door
		find -P "$dir" -xdev \( -type d -o -type f -links 1 \) -execdir chown -h realdocd:realdocd {} +
	fi
done

# The agent of a fleet, if it runs. The hosts do without it for a moment, and serve on.
if [ -d /run/systemd/system ]; then
	systemctl try-restart realdocd-fleet.service || true
fi

[ -d /run/systemd/system ] && systemctl is-active --quiet realdocd.service || exit 0

# The new program takes the sockets over and the old one ends its own requests; with
# a restart, new requests would wait for old ones.
main=$(systemctl show --property=MainPID --value realdocd.service)
if [ "$(owner "/proc/$main")" = realdocd ]; then
	systemctl kill --kill-who=main --signal=USR2 realdocd.service ||
		echo "realdocd: the program from before the upgrade still runs; to change: systemctl restart realdocd"
	exit 0
fi

# That one runs as another user, and its successor would be that user's too. systemd holds
# the socket and the connections meanwhile.
dropin=/etc/systemd/system/realdocd.service.d/tcp.conf
if grep -Eq '^[^#]*"[^"/]*:[0-9]+"' /etc/realdocd/realdocd.toml && [ ! -e "$dropin" ]; then
	mkdir -p "${dropin%/*}"
	printf '# Written by the upgrade: the configuration names an address of TCP.\n[Service]\nRestrictAddressFamilies=AF_INET AF_INET6\n' >"$dropin"
	systemctl daemon-reload || true
fi
if setpriv --reuid=realdocd --regid=realdocd --init-groups realdocd check --json 2>&1 |
	grep -q '"fpm-forbidden"\|"docroot-unresolved"[^}]*}[^}]*permission denied'; then
	echo "realdocd: it runs as user realdocd from now on, and PHP-FPM or a release is not open to it: see what is, with"
	echo "realdocd:   setpriv --reuid=realdocd --regid=realdocd --init-groups realdocd check"
	echo "realdocd: (where the pool has listen.acl_users, add realdocd to it), then: systemctl restart realdocd"
	echo "realdocd: until then the program from before the upgrade serves on, as the user that it has"
	exit 0
fi
chown realdocd:realdocd /run/realdocd
# What is left there was for the process before, and PHP could write it.
find -P /run/realdocd -xdev -mindepth 1 -maxdepth 1 -type f -delete
[ ! -S /run/realdocd/realdocd.sock ] || chown -h "realdocd:$web" /run/realdocd/realdocd.sock
systemctl restart realdocd.service ||
	echo "realdocd: it did not start as user realdocd: see journalctl -u realdocd"

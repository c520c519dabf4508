#!/bin/sh
# replace.sh SOCKETS NEW [OLD]: have web servers connect to the container NEW, which runs, and
# then stop the container OLD. No request notices. SOCKETS is the directory that the
# containers and the web servers share: realdocd.sock in it is a symlink to the socket of the
# container that serves. ENGINE=docker for another program than podman.
set -eu

sockets=$1 new=$2 old=${3-}
engine=${ENGINE:-podman}

socket=$($engine inspect --format '{{.Config.Hostname}}' "$new").sock

# Once it serves, and PHP-FPM answers it. If it does not, OLD goes on.
tries=0
until said=$($engine exec "$new" /usr/bin/realdocd status --check 2>&1); do
	tries=$((tries + 1))
	if [ "$tries" -ge 60 ]; then
		echo "replace.sh: $new does not serve as it should, so that nothing is changed: $said" >&2
		exit 1
	fi
	sleep 0.5
done

# One rename: whoever connects meets the one or the other.
ln -s "$socket" "$sockets/.next.$$"
mv -T "$sockets/.next.$$" "$sockets/realdocd.sock"

# It finishes its requests, and ends the connections on which none runs.
[ -z "$old" ] || $engine stop --time 40 "$old" >/dev/null

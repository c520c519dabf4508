#!/bin/sh
# costs.sh PROGRAM...: the size of each program, and the memory of a daemon of one site that it runs and that nobody
# asks anything, in five runs. make costs runs it.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/www/releases/1/public"
ln -s releases/1 "$dir/www/current"
cat >"$dir/realdocd.toml" <<END
listen    = ["$dir/listen.sock"]
control   = "$dir/control.sock"
state_dir = "$dir/state"
[pool.www]
server = ["$dir/fpm.sock"]
[site.shop]
docroot = "$dir/www/current/public"
END

for program; do
	for run in 1 2 3 4 5; do
		"$program" serve --config "$dir/realdocd.toml" >"$dir/log" 2>&1 &
		pid=$!
		tries=0
		until [ -S "$dir/control.sock" ] || [ $((tries += 1)) -gt 200 ]; do sleep 0.1; done
		sleep 2 # what a start leaves goes to the garbage collector
		awk -v program="$program" -v size="$(stat -c %s "$program")" '
			/^(Rss|Pss|Anonymous):/ { of[$1] = $2 / 1024 }
			END { printf "%s: %.1f MB; RSS %.1f MiB, PSS %.1f MiB, private %.1f MiB\n", program, size / 1e6, of["Rss:"], of["Pss:"], of["Anonymous:"] }
		' "/proc/$pid/smaps_rollup" || { cat "$dir/log"; exit 1; }
		kill "$pid"
		wait "$pid" || true
		rm -f "$dir/control.sock"
	done
done

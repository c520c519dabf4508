#!/bin/sh
# A page that reads a second file of its release again and again, by the path that the web server sent and
# by one beside the script, with a pause after each so that a deploy has time to fall in between.
for i in 1 2 3 4 5 6 7 8 9 10; do
    read -r part <"$DOCUMENT_ROOT/lib/part.txt"
    eval "seen_$part=\$((seen_$part + 1))"
    read -r part <"${SCRIPT_FILENAME%/*}/../lib/part.txt"
    eval "seen_$part=\$((seen_$part + 1))"
    sleep 0.001
done
for release in 1 2; do
    eval "n=\$seen_$release"
    [ -z "$n" ] || parts="${parts:+$parts, }\"$release\": $n"
done
printf 'Content-Type: application/json\r\n\r\n'
printf '{"document_root": "%s", "script_filename": "%s", "file": "%s", "include_path": "%s", "release": "%s", "request_uri": "%s", "parts": {%s}}\n' \
    "$DOCUMENT_ROOT" "$SCRIPT_FILENAME" "$0" "$(pwd -P)" "$REALDOC_RELEASE" "$REQUEST_URI" "$parts"

package doctor

// kinds are all findings that there are, by their severity. An identifier that
// was released stays and keeps its meaning.
var kinds = map[Severity][]string{
	Fault: {
		"config-fault",
		"daemon-silent",
		"directory-unwritable",
		"listen-open",
		"docroot-unresolved",
		"symlink-through-link",
		"code-names-link",
		"fpm-missing", "fpm-refused", "fpm-forbidden", "fpm-full", "fpm-silent", "fpm-passed-over",
		"release-unreadable", "file-unreadable",
		"open-basedir-excludes-release", "open-basedir-names-link",
		"include-path-locked", "ini-names-link",
		"opcache-timestamps-off", "opcache-use-cwd-off", "opcache-preload",
		"status-silent", "status-other-pool",
		"docroot-sent-resolved", "script-sent-resolved", "include-path-sent-resolved", "docroot-unmatched",
	},
	Warning: {
		"daemon-not-asked", "daemon-other-binary", "reload-pending", "listen-differs", "pool-paused",
		"directory-full", "open-files-few", "metrics-open", "listen-world-writable",
		"nothing-to-flip", "second-link", "pattern-matches-nothing",
		"file-names-link",
		"fpm-mute", "fpm-chroot", "php-unread-body", "php-end-of-life", "reuse-impossible",
		"error-log-names-link", "realpath-cache-full",
		"opcache-off", "opcache-memory", "opcache-keys", "opcache-strings", "opcache-restarts",
		"opcache-revalidate-freq", "opcache-update-protection", "opcache-preload-elsewhere", "opcache-validate-root-off",
		"max-conns-above-children", "children-exhausted", "process-control-timeout", "terminate-timeout",
		"script-refused", "params-too-long", "include-path-refused", "php-value-sticks",
	},
	Note: {
		"docroots-left-out", "code-left-out",
		"max-conns-none", "children-unknown", "fpm-configuration-unknown", "status-none",
		"opcache-unknown", "opcache-cold", "opcache-timestamps-off-fine", "opcache-file-cache",
		"web-server-unseen", "keep-conn-off", "redirect-status-missing",
	},
	OK: {
		"daemon", "directory", "docroot", "code", "fpm", "fpm-configuration", "release", "opcache", "status", "web-server",
	},
}

// Kinds are the identifiers of a severity.
func Kinds(s Severity) []string { return kinds[s] }

func severityOf(id string) Severity {
	for severity, ids := range kinds {
		for _, known := range ids {
			if known == id {
				return severity
			}
		}
	}
	panic("doctor: no kind of finding is called " + id)
}

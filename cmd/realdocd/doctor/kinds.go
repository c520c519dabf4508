package doctor

// A kind is one thing that a check can find. An identifier that was released stays and
// keeps its meaning: realdocd-check(8) has them all, and a test compares.
//
// The kinds are variables, so that the compiler refuses one that does not exist, and
// staticcheck one that no check uses.
type kind struct {
	id       string
	severity Severity
}

// kinds has every kind that there is.
var kinds []kind

// Kinds are the identifiers of a severity.
func Kinds(s Severity) (ids []string) {
	for _, k := range kinds {
		if k.severity == s {
			ids = append(ids, k.id)
		}
	}
	return ids
}

func newKind(s Severity, id string) kind {
	k := kind{id, s}
	kinds = append(kinds, k)
	return k
}

// These break requests, or what realdocd promises, now or at the next deploy.
var (
	kindConfigFault                = newKind(Fault, "config-fault")
	kindDaemonSilent               = newKind(Fault, "daemon-silent")
	kindDirectoryUnwritable        = newKind(Fault, "directory-unwritable")
	kindDaemonFailed               = newKind(Fault, "daemon-failed")
	kindConfigUnreadable           = newKind(Fault, "config-unreadable")
	kindUserUnknown                = newKind(Fault, "user-unknown")
	kindLogUnwritable              = newKind(Fault, "log-unwritable")
	kindPinKeysUnreadable          = newKind(Fault, "pin-keys-unreadable")
	kindAddressTaken               = newKind(Fault, "address-taken")
	kindAddressUnusable            = newKind(Fault, "address-unusable")
	kindDirectoryUnsafe            = newKind(Fault, "directory-unsafe")
	kindUnitForbidsTCP             = newKind(Fault, "unit-forbids-tcp")
	kindListenOpen                 = newKind(Fault, "listen-open")
	kindDocrootUnresolved          = newKind(Fault, "docroot-unresolved")
	kindPoolMissing                = newKind(Fault, "pool-missing")
	kindDocrootUnseen              = newKind(Fault, "docroot-unseen")
	kindSymlinkThroughLink         = newKind(Fault, "symlink-through-link")
	kindLinkInsideRelease          = newKind(Fault, "link-inside-release")
	kindSymlinkToRelease           = newKind(Fault, "symlink-to-release")
	kindSharedMissing              = newKind(Fault, "shared-missing")
	kindSharedCompiled             = newKind(Fault, "shared-compiled")
	kindCodeNamesRelease           = newKind(Fault, "code-names-release")
	kindCodeNamesLink              = newKind(Fault, "code-names-link")
	kindFPMMissing                 = newKind(Fault, "fpm-missing")
	kindFPMRefused                 = newKind(Fault, "fpm-refused")
	kindFPMForbidden               = newKind(Fault, "fpm-forbidden")
	kindFPMFull                    = newKind(Fault, "fpm-full")
	kindFPMSilent                  = newKind(Fault, "fpm-silent")
	kindFPMPassedOver              = newKind(Fault, "fpm-passed-over")
	kindReleaseUnreadable          = newKind(Fault, "release-unreadable")
	kindFileUnreadable             = newKind(Fault, "file-unreadable")
	kindOpenBasedirExcludesRelease = newKind(Fault, "open-basedir-excludes-release")
	kindOpenBasedirNamesLink       = newKind(Fault, "open-basedir-names-link")
	kindIncludePathLocked          = newKind(Fault, "include-path-locked")
	kindININamesLink               = newKind(Fault, "ini-names-link")
	kindINIDataInRelease           = newKind(Fault, "ini-data-in-release")
	kindFPMChdirInRelease          = newKind(Fault, "fpm-chdir-in-release")
	kindOpenBasedirExcludesShared  = newKind(Fault, "open-basedir-excludes-shared")
	kindOpcacheTimestampsOff       = newKind(Fault, "opcache-timestamps-off")
	kindOpcacheUseCwdOff           = newKind(Fault, "opcache-use-cwd-off")
	kindReadlinkRemembered         = newKind(Fault, "readlink-remembered")
	kindOpcachePreload             = newKind(Fault, "opcache-preload")
	kindStatusSilent               = newKind(Fault, "status-silent")
	kindStatusOtherPool            = newKind(Fault, "status-other-pool")
	kindWebServerForbidden         = newKind(Fault, "web-server-forbidden")
	kindWebServerNotSwitched       = newKind(Fault, "web-server-not-switched")
	kindDocrootUnmatched           = newKind(Fault, "docroot-unmatched")
	kindFleetUntold                = newKind(Fault, "fleet-untold")
	kindFleetUnitForbidsTCP        = newKind(Fault, "fleet-unit-forbids-tcp")
	kindFleetPasswordInClear       = newKind(Fault, "fleet-password-in-clear")
)

// These break nothing yet.
var (
	kindDaemonForbidden         = newKind(Warning, "daemon-forbidden")
	kindDaemonOtherBinary       = newKind(Warning, "daemon-other-binary")
	kindSocketNotHeld           = newKind(Warning, "socket-not-held")
	kindUnitOtherUser           = newKind(Warning, "unit-other-user")
	kindReloadPending           = newKind(Warning, "reload-pending")
	kindListenDiffers           = newKind(Warning, "listen-differs")
	kindPoolPaused              = newKind(Warning, "pool-paused")
	kindDirectoryFull           = newKind(Warning, "directory-full")
	kindSpoolInMemory           = newKind(Warning, "spool-in-memory")
	kindOpenFilesFew            = newKind(Warning, "open-files-few")
	kindMetricsOpen             = newKind(Warning, "metrics-open")
	kindListenWorldWritable     = newKind(Warning, "listen-world-writable")
	kindNothingToFlip           = newKind(Warning, "nothing-to-flip")
	kindDocrootMounted          = newKind(Warning, "docroot-mounted")
	kindSecondLink              = newKind(Warning, "second-link")
	kindPatternMatchesNothing   = newKind(Warning, "pattern-matches-nothing")
	kindSharedNotLinked         = newKind(Warning, "shared-not-linked")
	kindSharedCode              = newKind(Warning, "shared-code")
	kindFileNamesRelease        = newKind(Warning, "file-names-release")
	kindFileNamesLink           = newKind(Warning, "file-names-link")
	kindFPMMute                 = newKind(Warning, "fpm-mute")
	kindFPMChroot               = newKind(Warning, "fpm-chroot")
	kindPHPUnreadBody           = newKind(Warning, "php-unread-body")
	kindPHPEndOfLife            = newKind(Warning, "php-end-of-life")
	kindIncludePathOverridden   = newKind(Warning, "include-path-overridden")
	kindEnvNamesLink            = newKind(Warning, "env-names-link")
	kindOpcacheInPool           = newKind(Warning, "opcache-in-pool")
	kindErrorLogNamesLink       = newKind(Warning, "error-log-names-link")
	kindRealpathCacheFull       = newKind(Warning, "realpath-cache-full")
	kindOpcacheOff              = newKind(Warning, "opcache-off")
	kindOpcacheMemory           = newKind(Warning, "opcache-memory")
	kindOpcacheKeys             = newKind(Warning, "opcache-keys")
	kindOpcacheStrings          = newKind(Warning, "opcache-strings")
	kindOpcacheRestarts         = newKind(Warning, "opcache-restarts")
	kindOpcacheRevalidateFreq   = newKind(Warning, "opcache-revalidate-freq")
	kindOpcacheUpdateProtection = newKind(Warning, "opcache-update-protection")
	kindOpcachePreloadElsewhere = newKind(Warning, "opcache-preload-elsewhere")
	kindOpcacheValidateRootOff  = newKind(Warning, "opcache-validate-root-off")
	kindUserINIRemembered       = newKind(Warning, "user-ini-remembered")
	kindOpcacheFileOverride     = newKind(Warning, "opcache-file-override")
	kindOpcacheDisabled         = newKind(Warning, "opcache-functions-disabled")
	kindHookResetsOpcache       = newKind(Warning, "hook-resets-opcache")
	kindHookRestartsFPM         = newKind(Warning, "hook-restarts-fpm")
	kindHookMissing             = newKind(Warning, "hook-missing")
	kindReadTimeoutShort        = newKind(Warning, "read-timeout-short")
	kindMaxBodySmall            = newKind(Warning, "max-body-small")
	kindMaxConnsAboveChildren   = newKind(Warning, "max-conns-above-children")
	kindChildrenExhausted       = newKind(Warning, "children-exhausted")
	kindTerminateTimeout        = newKind(Warning, "terminate-timeout")
	kindDocrootSentResolved     = newKind(Warning, "docroot-sent-resolved")
	kindScriptSentResolved      = newKind(Warning, "script-sent-resolved")
	kindIncludePathSentResolved = newKind(Warning, "include-path-sent-resolved")
	kindWebServerNotReloaded    = newKind(Warning, "web-server-not-reloaded")
	kindWebServerTimeoutShort   = newKind(Warning, "web-server-timeout-short")
	kindParamSentResolved       = newKind(Warning, "param-sent-resolved")
	kindAccelMappingUnmapped    = newKind(Warning, "accel-mapping-unmapped")
	kindOpenFileCache           = newKind(Warning, "open-file-cache")
	kindJobNamesLink            = newKind(Warning, "job-names-link")
	kindWebServerSilent         = newKind(Warning, "web-server-silent")
	kindScriptRefused           = newKind(Warning, "script-refused")
	kindParamsTooLong           = newKind(Warning, "params-too-long")
	kindIncludePathRefused      = newKind(Warning, "include-path-refused")
	kindPHPValueSticks          = newKind(Warning, "php-value-sticks")
	kindFleetAgentSilent        = newKind(Warning, "fleet-agent-silent")
	kindFleetStoreAway          = newKind(Warning, "fleet-store-away")
	kindFleetOutOfStep          = newKind(Warning, "fleet-out-of-step")
	kindFleetClock              = newKind(Warning, "fleet-clock")
)

// These are worth knowing, or could not be told.
var (
	kindDaemonNotAsked           = newKind(Note, "daemon-not-asked")
	kindProcessControlTimeout    = newKind(Note, "process-control-timeout")
	kindDocrootsLeftOut          = newKind(Note, "docroots-left-out")
	kindSymlinkDangling          = newKind(Note, "symlink-dangling")
	kindCodeLeftOut              = newKind(Note, "code-left-out")
	kindMaxConnsNone             = newKind(Note, "max-conns-none")
	kindMaxConnsUnknown          = newKind(Note, "max-conns-unknown")
	kindChildrenUnknown          = newKind(Note, "children-unknown")
	kindReuseImpossible          = newKind(Note, "reuse-impossible")
	kindFPMConfigurationUnknown  = newKind(Note, "fpm-configuration-unknown")
	kindStatusNone               = newKind(Note, "status-none")
	kindOpcacheUnknown           = newKind(Note, "opcache-unknown")
	kindOpcacheCold              = newKind(Note, "opcache-cold")
	kindPHPRemembers             = newKind(Note, "php-remembers")
	kindOpcacheTimestampsOffFine = newKind(Note, "opcache-timestamps-off-fine")
	kindOpcacheFileCache         = newKind(Note, "opcache-file-cache")
	kindWebServerUnseen          = newKind(Note, "web-server-unseen")
	kindKeepConnOff              = newKind(Note, "keep-conn-off")
	kindRefusalSeldom            = newKind(Note, "refusal-seldom")
	kindRedirectStatusMissing    = newKind(Note, "redirect-status-missing")
)

// These are well.
var (
	kindDaemon           = newKind(OK, "daemon")
	kindDirectory        = newKind(OK, "directory")
	kindOpens            = newKind(OK, "opens")
	kindNginx            = newKind(OK, "nginx")
	kindDocroot          = newKind(OK, "docroot")
	kindCode             = newKind(OK, "code")
	kindFPM              = newKind(OK, "fpm")
	kindFPMConfiguration = newKind(OK, "fpm-configuration")
	kindRelease          = newKind(OK, "release")
	kindOpcache          = newKind(OK, "opcache")
	kindStatus           = newKind(OK, "status")
	kindWebServer        = newKind(OK, "web-server")
)

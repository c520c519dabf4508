// Package pin is the text that keeps a client on a release across requests: a token that
// names a site, a release and a time, and that only we can have made. It knows no request,
// no release on disk and no clock: it is given what it needs.
//
// A token is
//
//	BASE64URL(48 bytes) "." NAME
//
// It has only letters, digits and "-", ".", "_" and "~", so that it stands in a header, in a
// cookie and in a URL as it is. NAME is the name of the release, for people and for the
// configuration of a web server; what else a release's name has than letters, digits, "-", "."
// and "_" is written as "~" and two hexadecimal digits. The 48 bytes are, in network order:
//
//	 0  version    1
//	 1  kind       see Kind
//	 2  key        2 bytes, the id of the key that signed
//	 4  site       8 bytes, see SiteOf
//	12  release    8 bytes, which stand for the way from the link to the release
//	20  issued     6 bytes, Unix time in milliseconds
//	26  lasts      4 bytes, seconds; 0 leaves it to whoever verifies
//	30  note       2 bytes, what the kind needs
//	32  signature  16 bytes, the first of HMAC-SHA-256 over the bytes before and NAME
//
// A token does not say who has it: whoever copies it is kept on the release, too. It says
// nothing that is secret, for which release is live everybody may see.
//
// Verify looks at the length first, and at nothing that it has not verified afterwards. It
// allocates nothing, and a forged token costs no more than a good one.
package pin

package pin

// A Fault is why a token is not followed. It is an error that costs nothing to make.
type Fault uint8

// The faults that Verify and Check find.
const (
	TooLong    Fault = 1 + iota // longer than MaxLen; nothing else was looked at
	Malformed                   // not the text of a token, or one of a version that is not known
	UnknownKey                  // signed by a key that we do not have, or have no longer
	Forged                      // the signature does not fit
	OtherSite                   // of another site, or of another docroot of a pattern
	Expired                     // it has ended, or has a time that is still to come
)

var faults = [...]string{
	TooLong: "the pin is too long", Malformed: "the pin is not one of realdocd's", UnknownKey: "the pin is signed by a key that is not known",
	Forged: "the signature of the pin is wrong", OtherSite: "the pin is of another site", Expired: "the pin has expired",
}

func (f Fault) Error() string { return faults[f] }

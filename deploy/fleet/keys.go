package fleet

import (
	"net/url"
	"strconv"
	"strings"
)

// Keys are where a group has its keys: below PREFIX/GROUP/, as follows. What stands in capitals is
// escaped as in a URL, so that a tenant's name (shop/one) is one component.
//
//	members/HOST        a Member
//	seen/HOST           a time in JSON: when HOST's agent was there, as of SeenEvery ago
//	roster              a Roster, written whenever a host joins, leaves, starts or returns
//	hosts/HOST          a Presence, under the lease of HOST's agent
//	have/SITE/HOST      a Have, under the same lease
//	all/sites/SITE      the Commit
//	all/flips/SITE      the Proposal, under the lease of the command
//	all/asks/ID         an Ask, under the lease of the command
//	answers/ID/HOST     an Answer to the proposal or the ask ID, under the lease of HOST's agent
//	history/SITE/SEQ    a Commit, SEQ in 12 digits; the last KeepHistory of them
//
// Every agent watches all/, and so sees a commit and the end of its proposal in one step. What
// hosts write is not below it, so that a word of one host is not carried to all others.
type Keys struct{ base string }

// NewKeys are those of a group below a prefix such as "/realdocd".
func NewKeys(prefix, group string) Keys {
	return Keys{strings.TrimRight(prefix, "/") + "/" + url.PathEscape(group) + "/"}
}

// Base is what all keys of the group begin with.
func (k Keys) Base() string { return k.base }

func (k Keys) at(parts ...string) string {
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return k.base + strings.Join(parts, "/")
}

func (k Keys) Members() string               { return k.base + "members/" }
func (k Keys) Member(host string) string     { return k.at("members", host) }
func (k Keys) Roster() string                { return k.base + "roster" }
func (k Keys) SeenAll() string               { return k.base + "seen/" }
func (k Keys) Seen(host string) string       { return k.at("seen", host) }
func (k Keys) Hosts() string                 { return k.base + "hosts/" }
func (k Keys) Host(host string) string       { return k.at("hosts", host) }
func (k Keys) HaveAll() string               { return k.base + "have/" }
func (k Keys) HaveOf(site string) string     { return k.at("have", site) + "/" }
func (k Keys) Have(site, host string) string { return k.at("have", site, host) }
func (k Keys) All() string                   { return k.base + "all/" }
func (k Keys) Sites() string                 { return k.base + "all/sites/" }
func (k Keys) Site(site string) string       { return k.at("all", "sites", site) }
func (k Keys) Flips() string                 { return k.base + "all/flips/" }
func (k Keys) Flip(site string) string       { return k.at("all", "flips", site) }
func (k Keys) Asks() string                  { return k.base + "all/asks/" }
func (k Keys) Ask(id string) string          { return k.at("all", "asks", id) }
func (k Keys) Answers(id string) string      { return k.at("answers", id) + "/" }
func (k Keys) Answer(id, host string) string { return k.at("answers", id, host) }
func (k Keys) HistoryOf(site string) string  { return k.at("history", site) + "/" }
func (k Keys) History(site string, seq int64) string {
	text := strconv.FormatInt(seq, 10)
	return k.at("history", site) + "/" + strings.Repeat("0", max(0, 12-len(text))) + text
}

// Last is the last component of a key: a host, a site or an ID.
func Last(key string) string {
	name, err := url.PathUnescape(key[strings.LastIndexByte(key, '/')+1:])
	if err != nil {
		return key
	}
	return name
}

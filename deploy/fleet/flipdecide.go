package fleet

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Share says how many of a group's hosts have to have a release before it is committed. The zero Share is
// all of them.
type Share struct {
	// Hosts is a number of hosts, or with Of a share of all: 9 of 10.
	Hosts, Of int
}

// ParseShare reads "14", "9/10" or "90%".
func ParseShare(text string) (Share, error) {
	wrong := fmt.Errorf("want a number of hosts such as 14, or a share such as 9/10 or 90%%, not %q", text)
	number, of, isShare := strings.Cut(text, "/")
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		number, of, isShare = percent, "100", true
	}
	var s Share
	var err error
	if s.Hosts, err = strconv.Atoi(number); err != nil || s.Hosts < 1 {
		return Share{}, wrong
	}
	if !isShare {
		return s, nil
	}
	if s.Of, err = strconv.Atoi(of); err != nil || s.Of < s.Hosts {
		return Share{}, wrong
	}
	return s, nil
}

// of is how many of n hosts it is, rounded up.
func (s Share) of(n int) int {
	switch {
	case s.Hosts == 0:
		return n
	case s.Of == 0:
		return s.Hosts
	}
	return (n*s.Hosts + s.Of - 1) / s.Of
}

// A candidate is a member that a flip is decided for.
type candidate struct {
	host    string
	present bool
	// prepared is its answer to prepare; nil if it has given none, or none that is final.
	prepared *Answer
	// lost is its Member.Lost, and absent how long it was seen to be absent.
	lost, absent time.Duration
	// seen is when it was there last, as far as the store knows.
	seen time.Time
	gone bool // declared by the operator
}

// lostMargin is what is added to the time after which an absent host says itself that it is not ready.
const lostMargin = DoubtAfter

// isOff says whether the host does not say that it is ready any more, by its own word.
func (c candidate) isOff() bool { return c.lost > 0 && c.absent > c.lost+lostMargin }

// mayBeOff says whether that is only a matter of time.
func (c candidate) mayBeOff() bool { return !c.present && !c.gone && c.lost > 0 && !c.isOff() }

// A decision is who takes part in a flip, and how.
type decision struct {
	hash string
	// take have the release; fenced promise without having it; off are absent and need not promise; gone are
	// those of them that the operator has declared so.
	take, fenced, off, gone []string
	// wrongs say of each host that does not take part why.
	wrongs []Wrong
	// open says that hosts have not answered yet that might.
	open bool
}

// fencedHosts are those that are not ready from the commit on, but for those that were declared gone.
func (d decision) fencedHosts() []string {
	off := slices.DeleteFunc(slices.Clone(d.off), func(host string) bool { return slices.Contains(d.gone, host) })
	return append(off, d.fenced...)
}

// decide says who takes part. hash is the content that the release has to have; "" is that of most hosts.
// here is the host that the command runs on.
func decide(candidates []candidate, release, hash, here string) decision {
	d := decision{hash: hash}
	var same map[string][]string
	if d.hash == "" {
		d.hash, same = hashOfMost(candidates, here)
	}
	for _, c := range candidates {
		why := c.wrong(release)
		if why == "" && c.prepared.Hash != d.hash {
			why = otherContent(release, c.prepared.Hash, d.hash, len(same[d.hash]))
		}
		switch {
		case why == "":
			d.take = append(d.take, c.host)
			continue
		case c.gone:
			d.gone = append(d.gone, c.host)
			d.off = append(d.off, c.host)
		case !c.present:
			d.off = append(d.off, c.host)
		default:
			d.fenced = append(d.fenced, c.host)
			d.open = d.open || c.prepared == nil
		}
		d.wrongs = append(d.wrongs, Wrong{c.host, why})
	}
	return d
}

// wrong is what keeps a host from taking part; "" if it has prepared the release.
func (c candidate) wrong(release string) string {
	switch {
	case c.gone:
		return "it was declared gone"
	case !c.present:
		return c.absence()
	case c.prepared == nil:
		return fmt.Sprintf("it has not prepared %s yet: look there for what takes so long (journalctl -u realdocd-fleet)", release)
	case !c.prepared.OK:
		return cmp.Or(c.prepared.Why, "it cannot go live there, and its agent does not say why")
	case c.prepared.Hash == "":
		return "it does not say what content its release has: it has another version of realdocd"
	}
	return ""
}

func (c candidate) absence() string {
	text := "it is absent"
	if !c.seen.IsZero() {
		text += " since " + c.seen.Local().Format(time.DateTime) + " or some minutes after that"
	}
	if c.lost > 0 {
		return text + fmt.Sprintf(", and not ready by itself %v after that: start it (systemctl start realdocd-fleet), or flip without it with --at-least", c.lost)
	}
	return text + fmt.Sprintf(", and may serve still what it has: start it (systemctl start realdocd-fleet), or, if it is off, say so with --gone %s", c.host)
}

func otherContent(release, its, other string, hosts int) string {
	text := fmt.Sprintf("its %s has other content (%s) than it has to have (%s)", release, shortHash(its), shortHash(other))
	if hosts > 0 {
		text = fmt.Sprintf("its %s has other content (%s) than that of %s (%s)", release, shortHash(its), countHosts(hosts), shortHash(other))
	}
	return text + ": bring it there anew, under a new name or by realdocd deploy --fleet"
}

// shortHash is enough of a hash to tell two apart.
func shortHash(hash string) string {
	version, digest, ok := strings.Cut(hash, ":")
	if !ok {
		version, digest = "", hash
	} else {
		version += ":"
	}
	return version + digest[:min(len(digest), 12)]
}

func countHosts(n int) string {
	if n == 1 {
		return "1 host"
	}
	return fmt.Sprintf("%d hosts", n)
}

// hashOfMost is the content that most hosts have. Of two that equally many have, it is that of the host that the
// command runs on: an operator means what is before them.
func hashOfMost(candidates []candidate, here string) (hash string, same map[string][]string) {
	same = map[string][]string{}
	for _, c := range candidates {
		if c.present && !c.gone && c.prepared != nil && c.prepared.OK && c.prepared.Hash != "" {
			same[c.prepared.Hash] = append(same[c.prepared.Hash], c.host)
		}
	}
	for _, h := range sorted(same) {
		more := len(same[h]) - len(same[hash])
		if hash == "" || more > 0 || more == 0 && slices.Contains(same[h], here) {
			hash = h
		}
	}
	return hash, same
}

// A Refusal says why a flip was not committed. Nothing has changed then on any host.
type Refusal struct {
	Site, Release string
	// Wrongs are what is wrong, by host, and what to do.
	Wrongs []Wrong
	// Ready of All hosts could have flipped, and Need would have had to.
	Ready, All, Need int
}

func (r *Refusal) Error() string {
	var text strings.Builder
	width := 0
	for _, w := range r.Wrongs {
		width = max(width, len(w.Host))
	}
	for _, w := range r.Wrongs {
		for i, line := range strings.Split(w.Why, "\n") {
			host := w.Host + ":"
			if i > 0 {
				host = ""
			}
			fmt.Fprintf(&text, "%-*s %s\n", width+1, host, line)
		}
	}
	fmt.Fprintf(&text, "nothing has changed: %d of %s could flip %s to %s, and %d have to", r.Ready, countHosts(r.All), r.Site, r.Release, r.Need)
	return text.String()
}

// errNoHosts is a group that nobody has joined.
var errNoHosts = errors.New("the group has no hosts: start realdocd-fleet on each of them, with the same [fleet] etcd, prefix and group")

// refuse says why the decision is not enough; nil if it is.
func (d decision) refuse(site, release string, want Share, members []candidate) error {
	need := want.of(len(members) - len(d.gone))
	if want.Hosts > 0 {
		need = want.of(len(members))
	}
	r := &Refusal{Site: site, Release: release, Ready: len(d.take), All: len(members), Need: need}
	if len(d.take) < need || len(d.take) == 0 {
		r.Wrongs = slices.DeleteFunc(slices.Clone(d.wrongs), func(w Wrong) bool { return slices.Contains(d.gone, w.Host) })
		r.Need = max(need, 1)
		return r
	}
	// The others may be fenced, if nobody can think that they are ready.
	for _, c := range members {
		if slices.Contains(d.off, c.host) && !c.gone && !c.isOff() {
			r.Wrongs = append(r.Wrongs, Wrong{c.host, c.absence()})
		}
	}
	if len(r.Wrongs) > 0 {
		r.Need = need
		return r
	}
	return nil
}

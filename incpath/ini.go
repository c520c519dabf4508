package incpath

import "strings"

// directive is one "key = value" that PHP takes from an INI text.
type directive struct {
	key        string
	start, end int    // the place of the value, with its quotes
	value      string // what PHP has; if unknown is set, what can be said of it
	unknown    unknown
}

// unknown is a part of a value that only PHP can know; what is "" if there is none.
type unknown struct {
	kind kind
	at   int
	what string
}

// ini gives the directives of an INI text one by one (php-src,
// Zend/zend_ini_parser.y).
type ini struct {
	scanner
	pos int
	// stopped is the place that PHP cannot read, behind which it reads
	// nothing; -1: none.
	stopped int
}

func newINI(s string) ini { return ini{scanner: newScanner(s), stopped: -1} }

// next gives the next directive; false at the end of what PHP reads.
func (p *ini) next() (directive, bool) {
	for p.stopped < 0 && p.at(p.pos) != 0 {
		if key, ok := p.key(); ok {
			if d, ok := p.directive(key); ok {
				return d, true
			}
		}
	}
	return directive{}, false
}

func (p *ini) stop(at int) { p.stopped = p.until(at) }

// key reads one token in front of a value (INITIAL) and, for a section or an
// offset, what belongs to it. True: a key and its "=" were read.
func (p *ini) key() (string, bool) {
	i := p.pos
	after := p.blanks(i)
	switch c := p.at(after); {
	case isNewline(c):
		p.pos = p.newline(after)
		return "", false
	case c == ';':
		p.pos = p.comment(after)
		return "", false
	case c == '=':
		p.stop(after)
		return "", false
	}
	end := p.label(i)
	switch {
	case end == i && p.at(i) == '[':
		p.section(i + 1)
		return "", false
	case end == i && after == i:
		p.stop(i)
		return "", false
	case p.at(end) == '[':
		return "", p.offset(p.blanks(end + 1))
	case after >= end:
		p.pos = after
		return "", false
	}
	label := p.s[i:p.until(end)]
	if word := i + len(firstWord(label)); isBoolean(p.s[i:word]) && p.blanks(word) >= end {
		p.stop(i)
		return "", false
	}
	equals := p.blanks(end)
	if p.at(equals) != '=' {
		p.pos = end
		return "", false
	}
	p.pos = p.blanks(equals + 1)
	return strings.Trim(label, " \t\r\n"), true
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

// section reads as far as the end of [name].
func (p *ini) section(i int) {
	if end, ok := p.bracket(i); ok {
		i = p.blanks(end)
		if isNewline(p.at(i)) {
			i = p.newline(i)
		}
		p.pos = i
	}
}

// offset reads as far as the "=" of key[name]=. FPM does not take such a directive.
func (p *ini) offset(i int) bool {
	end, ok := p.bracket(i)
	if !ok {
		return false
	}
	equals := p.blanks(end)
	if p.at(equals) != '=' {
		p.stop(end)
		return false
	}
	p.pos = p.blanks(equals + 1)
	return true
}

// bracket finds the place behind the "]" that closes what begins at i.
func (p *ini) bracket(i int) (int, bool) {
	for {
		after := p.blanks(i)
		switch c := p.at(after); {
		case c == ']':
			return after + 1, true
		case c == '"':
			t := p.double(after)
			if t.kind == unclosed {
				p.stop(t.start)
				return 0, false
			}
			i = t.next
			continue
		}
		end := p.run(i, isBracketChar, true)
		if p.at(i) == '\'' {
			end = p.single(i).next
		} else if p.at(i) == '$' && p.at(i+1) == '{' {
			end = p.variable(i).next
		}
		if end <= i {
			p.stop(i)
			return 0, false
		}
		i = end
	}
}

// directive reads the value that begins at p.pos. False: PHP sets nothing.
func (p *ini) directive(key string) (directive, bool) {
	v := valueReader{scanner: p.scanner, tok: p.value(p.pos)}
	v.start, v.end = v.tok.start, v.tok.end
	ok := true
	switch v.tok.kind {
	case endOfValue:
		p.pos = v.tok.next
		return directive{key: key, start: v.start, end: v.end}, key != ""
	case boolean:
		if isTrue(p.s[v.tok.start:v.tok.end]) {
			v.add("1")
		}
		if v.advance(); v.tok.kind != endOfValue {
			v.doubt("text behind on or off, where PHP stops")
		}
	default:
		ok = v.expr()
	}
	p.pos = v.tok.next
	if !ok || v.tok.kind != endOfValue {
		p.stop(v.tok.start)
	}
	d := directive{key: key, start: p.until(v.start), end: p.until(v.end), value: v.value, unknown: v.unknown}
	return d, ok && key != ""
}

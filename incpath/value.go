package incpath

// valueReader reads one value. tok is the token that was not taken yet.
type valueReader struct {
	scanner
	tok        token
	start, end int // brackets around the value excluded
	value      string
	unknown    unknown
}

func (v *valueReader) add(s string) {
	if v.value == "" {
		v.value = s
	} else {
		v.value += s
	}
}

func (v *valueReader) advance() {
	v.tok = v.scanner.value(v.tok.next)
}

func (v *valueReader) doubt(what string) {
	if v.unknown.what == "" || v.tok.kind == variable && v.unknown.kind != variable {
		v.unknown = unknown{v.tok.kind, v.tok.start, what}
	}
}

// expr reads a value with its operators. PHP sets what is complete in front of
// a token that it cannot read, so false is for an incomplete one only.
func (v *valueReader) expr() bool {
	if !v.operand() {
		return false
	}
	for v.binary() {
		v.operate()
		if !v.operand() {
			return false
		}
	}
	return true
}

func (v *valueReader) operand() bool {
	for v.unary() {
		v.operate()
	}
	if !v.operator('(') {
		return v.list()
	}
	v.advance()
	if !v.expr() || !v.operator(')') {
		return false
	}
	v.advance()
	return true
}

// operate takes an operator: the value is a number. The operands are kept apart by
// ":", for a caller that looks which paths stand in it.
func (v *valueReader) operate() {
	v.doubt("an unquoted " + v.s[v.tok.start:v.tok.end] + ", which makes PHP calculate")
	v.add(":")
	v.advance()
}

// list reads pieces that PHP joins.
func (v *valueReader) list() bool {
	v.start = v.tok.start
	for n := 0; ; n++ {
		raw := ""
		if v.tok.kind == text || v.tok.kind == constant || v.tok.kind == space ||
			v.tok.kind == single || v.tok.kind == double || v.tok.kind == variable {
			raw = v.source(v.tok)
		}
		switch v.tok.kind {
		case text, space:
			v.add(raw)
		case constant:
			v.doubt("the word " + raw + ", which may be the name of a PHP constant")
			v.add(raw)
		case single:
			v.add(raw[1 : len(raw)-1])
		case double:
			v.add(unescape(raw[1 : len(raw)-1]))
		case variable:
			v.doubt("a variable in " + raw)
			v.add(raw)
		default:
			return n > 0 && v.tok.kind != unclosed
		}
		v.end = v.tok.end
		v.advance()
	}
}

// source gives a token as it stands, with the line's end that FPM adds if a
// "$" has taken it.
func (v *valueReader) source(t token) string {
	if t.end > len(v.s) {
		return v.s[t.start:] + "\n"
	}
	return v.s[t.start:t.end]
}

func (v *valueReader) operator(c byte) bool {
	return v.tok.kind == operator && v.at(v.tok.start) == c
}

func (v *valueReader) unary() bool { return v.operator('~') || v.operator('!') }

func (v *valueReader) binary() bool {
	return v.operator('|') || v.operator('&') || v.operator('^')
}

package nginxconf

// A Directive is one of nginx, with its block.
type Directive struct {
	Name string
	Args []string
	File string
	Line int
	// Block has the directives between its braces; nil without such.
	Block []*Directive
	// In is the directive in whose block it stands; nil at the top.
	In *Directive
}

// Arg is an argument, counted from 0; "" if there are fewer.
func (d *Directive) Arg(i int) string {
	if i < len(d.Args) {
		return d.Args[i]
	}
	return ""
}

// Each calls f for the directives and all that stand in their blocks, in the order of
// the files.
func Each(all []*Directive, f func(*Directive)) {
	for _, d := range all {
		f(d)
		Each(d.Block, f)
	}
}

// Get is the directive of a name that counts in the block of d: the last of its own, or
// one that a block around it has. It is nil if there is none. It is for directives with
// one value, which blocks inherit.
func (d *Directive) Get(name string) *Directive {
	for at := d; at != nil; at = at.In {
		if own := at.Own(name); len(own) > 0 {
			return own[len(own)-1]
		}
	}
	return nil
}

// Inherited are the directives of a name that count in the block of d, as for those that
// can come several times: its own, or else those of the next block around it that has any.
func (d *Directive) Inherited(name string) []*Directive {
	for at := d; at != nil; at = at.In {
		if own := at.Own(name); len(own) > 0 {
			return own
		}
	}
	return nil
}

// Own are the directives of a name that stand in the block itself.
func (d *Directive) Own(name string) (own []*Directive) {
	for _, inner := range d.Block {
		if inner.Name == name {
			own = append(own, inner)
		}
	}
	return own
}

package judge

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// Figures are what a trial has come to on one host, from its beginning up to now, for
// whoever sums those of many.
type Figures struct {
	// Run is another each time that the host has begun to count.
	Run uint64
	// By class, those of the live release and of the candidate.
	Live, Candidate map[string]*Sample
	// Failing are the visitors that have failed, in the order in which they did, up to
	// MaxFailing: one who goes on to another host is known there again.
	Failing []Failing
}

// A Failing is a visitor for whom a class has failed.
type Failing struct {
	Candidate bool
	Class     string
	Visitor   uint64 // stands for his pin, on all hosts alike
}

const (
	// MaxFailing bounds the visitors in Figures. What fails beyond that counts each time.
	MaxFailing = 1024
	// MaxFigures bounds their text, in bytes. That of a site with twenty classes has some
	// thousand.
	MaxFigures = 192 << 10

	figuresVersion = 1
)

// Text is the figures as ParseFigures reads them.
func (f *Figures) Text() string {
	names := slices.Sorted(maps.Keys(f.Candidate))
	for name := range f.Live {
		if f.Candidate[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	at := map[string]uint64{}
	b := binary.BigEndian.AppendUint64([]byte{figuresVersion}, f.Run)
	b = binary.AppendUvarint(b, uint64(len(names)))
	for i, name := range names {
		at[name] = uint64(i)
		b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
		b = appendSample(appendSample(b, f.Live[name]), f.Candidate[name])
	}
	failing := f.Failing[:min(len(f.Failing), MaxFailing)]
	b = binary.AppendUvarint(b, uint64(len(failing)))
	for _, one := range failing {
		key := at[one.Class] << 1
		if one.Candidate {
			key |= 1
		}
		b = binary.BigEndian.AppendUint64(binary.AppendUvarint(b, key), one.Visitor)
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// appendSample appends the counts, and of the times those that are not 0: each with how many
// kinds are left out before it.
func appendSample(b []byte, s *Sample) []byte {
	if s == nil {
		s = &Sample{}
	}
	b = binary.AppendUvarint(b, uint64(s.Requests))
	b = binary.AppendUvarint(b, uint64(s.Failed))
	kinds := 0
	for _, n := range &s.Times {
		if n > 0 {
			kinds++
		}
	}
	b = binary.AppendUvarint(b, uint64(kinds))
	skipped := uint64(0)
	for _, n := range &s.Times {
		if n == 0 {
			skipped++
			continue
		}
		b = binary.AppendUvarint(binary.AppendUvarint(b, skipped), uint64(n))
		skipped = 0
	}
	return b
}

var errFigures = errors.New("the figures of a trial are not understood: is realdocd of another version there?")

// ParseFigures reads a text. It takes no more memory than MaxFigures stands for.
func ParseFigures(text string) (*Figures, error) {
	if len(text) > MaxFigures {
		return nil, errFigures
	}
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(b) < 9 || b[0] != figuresVersion {
		return nil, errFigures
	}
	r := figuresReader{rest: b[9:]}
	f := &Figures{Run: binary.BigEndian.Uint64(b[1:]), Live: map[string]*Sample{}, Candidate: map[string]*Sample{}}
	var names []string
	for range r.number(MaxClasses) {
		name := string(r.bytes(int(r.number(MaxClassLen))))
		names = append(names, name)
		for _, side := range []map[string]*Sample{f.Live, f.Candidate} {
			if s := r.sample(); s.Requests > 0 {
				side[name] = s
			}
		}
	}
	for range r.number(MaxFailing) {
		key, visitor := r.number(2*MaxClasses), r.bytes(8)
		if r.failed || key>>1 >= uint64(len(names)) {
			return nil, errFigures
		}
		f.Failing = append(f.Failing, Failing{key&1 == 1, names[key>>1], binary.BigEndian.Uint64(visitor)})
	}
	if r.failed || len(r.rest) > 0 {
		return nil, errFigures
	}
	return f, nil
}

// A figuresReader takes the parts of a text one after the other. Once one is missing or too
// large, it has failed, and all others are 0.
type figuresReader struct {
	rest   []byte
	failed bool
}

// number is the next one, of at most most.
func (r *figuresReader) number(most uint64) uint64 {
	n, length := binary.Uvarint(r.rest)
	if r.failed || length <= 0 || n > most {
		r.failed = true
		return 0
	}
	r.rest = r.rest[length:]
	return n
}

func (r *figuresReader) bytes(n int) []byte {
	if r.failed || n > len(r.rest) {
		r.failed = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *figuresReader) sample() *Sample {
	const most = 1<<32 - 1
	s := &Sample{Requests: uint32(r.number(most)), Failed: uint32(r.number(most))}
	at := uint64(0)
	for range r.number(Buckets) {
		if at += r.number(Buckets); at >= Buckets {
			r.failed = true
			return s
		}
		s.Times[at] = uint32(r.number(most))
		at++
	}
	s.Round()
	return s
}

package fcgi

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// records has one record of each kind as bytes, and how it reads.
var records = []struct {
	name  string
	bytes string
	write func() []byte
	want  Record
}{
	{
		"BEGIN_REQUEST of a responder that keeps the connection",
		"\x01\x01\x00\x01\x00\x08\x00\x00" + "\x00\x01\x01\x00\x00\x00\x00\x00",
		func() []byte { return AppendBegin(nil, 1, Begin{RoleResponder, true}) },
		Record{Type: BeginRequest, ID: 1, Content: []byte("\x00\x01\x01\x00\x00\x00\x00\x00")},
	},
	{
		"the empty STDIN of a large request id",
		"\x01\x05\xff\xfe\x00\x00\x00\x00",
		func() []byte { return AppendHeader(nil, Stdin, 0xfffe, 0) },
		Record{Type: Stdin, ID: 0xfffe, Content: []byte{}},
	},
	{
		"STDOUT",
		"\x01\x06\x00\x02\x00\x05\x00\x00hello",
		func() []byte { return AppendStream(nil, Stdout, 2, []byte("hello")) },
		Record{Type: Stdout, ID: 2, Content: []byte("hello")},
	},
	{
		"END_REQUEST that refuses a second request",
		"\x01\x03\x00\x03\x00\x08\x00\x00" + "\x00\x00\x00\x07\x01\x00\x00\x00",
		func() []byte { return AppendEnd(nil, 3, 7, CantMpxConn) },
		Record{Type: EndRequest, ID: 3, Content: []byte("\x00\x00\x00\x07\x01\x00\x00\x00")},
	},
	{
		"UNKNOWN_TYPE",
		"\x01\x0b\x00\x00\x00\x08\x00\x00" + "\x63\x00\x00\x00\x00\x00\x00\x00",
		func() []byte { return AppendUnknownType(nil, 99) },
		Record{Type: UnknownType, Content: []byte("\x63\x00\x00\x00\x00\x00\x00\x00")},
	},
	{
		"padding, which is no content",
		"\x01\x07\x00\x01\x00\x03\x05\x00err\x00\x00\x00\x00\x00",
		nil,
		Record{Type: Stderr, ID: 1, Content: []byte("err")},
	},
}

func TestRecordsAreReadAsTheyAreWritten(t *testing.T) {
	for _, tt := range records {
		t.Run(tt.name, func(t *testing.T) {
			if tt.write != nil {
				if got := string(tt.write()); got != tt.bytes {
					t.Errorf("written: % x, want % x", got, tt.bytes)
				}
			}
			want := tt.want
			want.Raw = []byte(tt.bytes)
			if diff := cmp.Diff([]Record{want}, readAll(t, strings.NewReader(tt.bytes))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRecordsThatArriveByteByByteAreTheSame(t *testing.T) {
	var stream []byte
	for _, tt := range records {
		stream = append(stream, tt.bytes...)
	}
	whole := readAll(t, bytes.NewReader(stream))
	if len(whole) != len(records) {
		t.Fatalf("%d records, want %d", len(whole), len(records))
	}
	if diff := cmp.Diff(whole, readAll(t, iotest.OneByteReader(bytes.NewReader(stream)))); diff != "" {
		t.Error(diff)
	}
}

func TestTheLongestRecordFitsTheBuffer(t *testing.T) {
	raw := append([]byte{1, byte(Stdout), 0, 1, 0xff, 0xff, 0xff, 0}, make([]byte, MaxContent+maxPadding)...)
	stream := append([]byte("\x01\x06\x00\x01\x00\x01\x00\x00x"), raw...)
	got := readAll(t, iotest.HalfReader(bytes.NewReader(append(stream, stream...))))
	if len(got) != 4 || len(got[1].Content) != MaxContent || len(got[3].Raw) != MaxRecord {
		t.Errorf("%d records", len(got))
	}
}

func TestAStreamIsWrittenInRecordsThatFPMTakes(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	var back []byte
	for _, rec := range readAll(t, bytes.NewReader(AppendStream(nil, Stdin, 9, content))) {
		if len(rec.Raw)-HeaderLen > MaxContent || len(rec.Content)%8 != 0 {
			t.Errorf("record of %d bytes", len(rec.Content))
		}
		back = append(back, rec.Content...)
	}
	if !bytes.Equal(back, content) {
		t.Errorf("%d bytes came back of %d", len(back), len(content))
	}
}

func TestAnotherVersionIsAnError(t *testing.T) {
	var rd Reader
	rd.Advance(copy(rd.Space(), "HTTP/1.1 200 OK"))
	_, ok, err := rd.Next()
	var protocol *ProtocolError
	if ok || !errors.As(err, &protocol) || !strings.Contains(err.Error(), "version is 72") {
		t.Errorf("ok %v, error %v", ok, err)
	}
}

func TestReadingRecordsAllocatesNothing(t *testing.T) {
	stream := AppendStream(nil, Stdout, 1, make([]byte, 4000))
	src := bytes.NewReader(stream)
	var rd Reader
	allocs := testing.AllocsPerRun(1000, func() {
		src.Reset(stream)
		if err := rd.Fill(src); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := rd.Next(); !ok || err != nil {
			t.Fatal(ok, err)
		}
		rd.Release()
	})
	if allocs > 0 {
		t.Errorf("%v allocations a record", allocs)
	}
}

// readAll reads a stream to its end, with copies of the records.
func readAll(t testing.TB, src io.Reader) []Record {
	t.Helper()
	var all []Record
	var rd Reader
	defer rd.Discard()
	for {
		rec, ok, err := rd.Next()
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			rec.Content, rec.Raw = bytes.Clone(rec.Content), bytes.Clone(rec.Raw)
			all = append(all, rec)
			continue
		}
		if err := rd.Fill(src); err == io.EOF {
			if rd.Buffered() > 0 {
				t.Fatalf("%d bytes of an incomplete record are left", rd.Buffered())
			}
			return all
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, tt := range records {
		f.Add([]byte(tt.bytes), uint16(3))
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece uint16) {
		var rd Reader
		defer rd.Discard()
		src := &pieces{stream, int(piece)%9000 + 1}
		var taken []byte
		for {
			rec, ok, err := rd.Next()
			if err != nil {
				return
			}
			if ok {
				taken = append(taken, rec.Raw...)
				continue
			}
			if rd.Fill(src) != nil {
				break
			}
		}
		if len(taken)+rd.Buffered() != len(stream) || !bytes.HasPrefix(stream, taken) {
			t.Errorf("%d bytes taken and %d left of %d", len(taken), rd.Buffered(), len(stream))
		}
	})
}

// pieces gives a stream in pieces of n bytes.
type pieces struct {
	b []byte
	n int
}

func (p *pieces) Read(to []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(to, p.b[:min(p.n, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}

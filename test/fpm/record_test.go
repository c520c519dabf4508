package fpm

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// head is a record's head, which may say more padding than a Record gets.
func head(kind byte, content, padding int) []byte {
	b := []byte{1, kind, 0, 1, 0, 0, byte(padding), 0}
	binary.BigEndian.PutUint16(b[4:], uint16(content))
	return b
}

func TestFPMResetsTheConnectionOnParamsThatItCannotHold(t *testing.T) {
	p := open(t, stack.FPMConfig{})
	pairs := stack.Pairs(p.params("pid.php")...)
	// filled is one record's worth of them.
	filled := func(size int) []byte {
		return append(bytes.Clone(pairs), stack.Pairs("FILLER", strings.Repeat("x", size-len(pairs)-1-4-len("FILLER")))...)
	}
	record := func(content []byte, padding int) []byte {
		return append(append(head(stack.ParamsType, len(content), padding), content...), make([]byte, padding)...)
	}
	for _, row := range []struct {
		name    string
		records [][]byte
		served  bool
	}{
		{"a pair in two records", [][]byte{record(pairs[:len(pairs)-5], 0), record(pairs[len(pairs)-5:], 0)}, false},
		{"the same pairs in one", [][]byte{record(pairs, 0)}, true},
		{"65,535 bytes", [][]byte{record(filled(65535), 0)}, true},
		{"65,535 bytes and padding", [][]byte{record(filled(65535), 1)}, false},
		{"65,528 bytes and 7 of padding", [][]byte{record(filled(65528), 7)}, true},
		{"65,528 bytes and 8 of padding", [][]byte{record(filled(65528), 8)}, false},
		{"four full records", [][]byte{record(filled(65535), 0), record(filled(65535), 0), record(filled(65535), 0), record(filled(65535), 0)}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := &pool{p.In(t), t, p.fpm, p.dir}
			c := p.connect()
			var all bytes.Buffer
			stack.Record{Type: stack.BeginRequest, ID: 1, Content: []byte{0, 1, 1, 0, 0, 0, 0, 0}}.WriteTo(&all)
			for _, r := range row.records {
				all.Write(r)
			}
			all.Write(head(stack.ParamsType, 0, 0))
			all.Write(head(stack.StdinType, 0, 0))
			_, err := io.Copy(c.Conn, &all)
			if row.served {
				p.must(err)
				p.answer(c)
			} else if err == nil { // else it was closed while it was written to
				p.closed(c)
			}
		})
	}
}

// It does not say how many requests it takes: who wants to know asks the operator.
func TestGetValuesSaysOnlyThatRequestsAreNotMultiplexed(t *testing.T) {
	p := open(t, stack.FPMConfig{})
	for query, want := range map[string][]byte{
		"FCGI_MPXS_CONNS": stack.Pairs("FCGI_MPXS_CONNS", "0"),
		"FCGI_MAX_CONNS":  nil,
		"FCGI_MAX_REQS":   nil,
	} {
		c := p.connect()
		_, err := stack.Record{Type: stack.GetValues, Content: stack.Pairs(query, "")}.WriteTo(c)
		p.must(err)
		got := make([]byte, 8+(len(want)+7)/8*8)
		if _, err := io.ReadFull(c, got); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if got[1] != stack.GetValuesResult || !bytes.Equal(got[8:8+len(want)], want) || int(got[5]) != len(want) {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
		p.ask(c, "pid.php") // the connection goes on
		c.Close()
	}
}

package fpm

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"realdocd/fcgi"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// A listener that never answers takes nothing from the time of the others; and libfcgi, as in fcgiwrap, answers
// when a record has followed the question.
func TestAPingAsksEveryListenerOfEachPool(t *testing.T) {
	dir := t.TempDir()
	silent, err := net.Listen("unix", dir+"/silent")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	answers, err := net.Listen("unix", dir+"/answers")
	if err != nil {
		t.Fatal(err)
	}
	defer answers.Close()
	ctx, answered := context.WithTimeout(t.Context(), patience)
	defer answered()
	go func() {
		conn, err := answers.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		for range 2 {
			if asked, err := stack.ReadRecord(in); err != nil || asked.Type != byte(fcgi.GetValues) {
				return
			}
		}
		conn.Write(fcgi.AppendHeader(nil, fcgi.GetValuesResult, 0, 0))
		in.ReadByte() // until the check has it
		answered()
	}()
	got := PingAll(ctx, []Config{
		{Name: "www", Servers: []sock.Addr{sock.Addr(dir + "/none"), sock.Addr(dir + "/silent")}, ConnectTimeout: time.Second},
		{Name: "php", Servers: []sock.Addr{sock.Addr(dir + "/answers")}, ConnectTimeout: time.Second},
	})
	if len(got) != 3 || got[0].Err == nil || !strings.Contains(got[0].Err.Error(), "no such file") || got[1].Err == nil || got[2].Err != nil {
		t.Errorf("got %s", fmt.Sprint(got))
	}
	if len(got) == 3 && (got[1].Server != sock.Addr(dir+"/silent") || got[2].Pool != "php") {
		t.Errorf("not in the order of the configuration: %s", fmt.Sprint(got))
	}
}

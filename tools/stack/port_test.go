package stack

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

func TestPorts_inUse_areNamedWithTheirOwner(t *testing.T) {
	a, err := Free()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{a.Gateway, a.Postgres} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
	}
	s := &Stack{opts: Options{Dir: t.TempDir(), Addresses: a, Cloud: simulatorCloud}}
	err = s.checkPorts(t.Context())
	var taken *PortError
	if !errors.As(err, &taken) || len(taken.Taken) != 2 {
		t.Fatalf("got %v", err)
	}
	for _, says := range []string{a.Gateway + " of gateway: held by ", a.Postgres + " of postgres: held by ", fmt.Sprintf("pid %d (%s", os.Getpid(), os.Args[0][:20])} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not in %v", says, err)
		}
	}
	if a.AllFree(t.Context()) {
		t.Error("all are free")
	}
}

func TestPorts_free_areNoError(t *testing.T) {
	a, err := Free()
	if err != nil {
		t.Fatal(err)
	}
	s := &Stack{opts: Options{Dir: t.TempDir(), Addresses: a, Cloud: simulatorCloud}}
	if err := s.checkPorts(t.Context()); err != nil || !a.AllFree(t.Context()) {
		t.Error(err)
	}
}

// Every address must belong to a part, or a port in use would go unnoticed.
func TestPorts_everyAddress_isChecked(t *testing.T) {
	a := Defaults()
	s := &Stack{opts: Options{Addresses: a, Cloud: simulatorCloud, Identity: true}}
	listens := make(map[string]bool)
	for _, p := range append(s.foundations(), s.services()...) {
		for _, address := range p.listens {
			listens[address] = true
		}
	}
	for _, address := range a.all() {
		if !listens[address] {
			t.Errorf("no part listens at %s", address)
		}
	}
}

func TestShift(t *testing.T) {
	moved, err := Defaults().Shift(10)
	if err != nil || moved.Gateway != "127.0.0.1:8090" || moved.Redis != "127.0.0.1:6400" {
		t.Errorf("%v %+v", err, moved)
	}
	if _, err := Defaults().Shift(60000); err == nil {
		t.Error("port 68080 is accepted")
	}
}

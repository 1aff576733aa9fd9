package stack

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/low-layer/platform/libs/registry"
)

// Addresses are where the parts listen, as host:port on loopback.
type Addresses struct {
	Gateway             string
	Simulator, Identity string
	Postgres, Redis     string

	// services are where the services behind the gateway listen, admin the admin ports of all services.
	services, admin map[string]string
}

// Of is where a service listens.
func (a Addresses) Of(service string) string {
	if service == registry.Gateway {
		return a.Gateway
	}
	return a.services[service]
}

// Admin is the admin address of a service.
func (a Addresses) Admin(service string) string { return a.admin[service] }

// Defaults are the addresses that `make up` and `make demo` use and the documents name.
func Defaults() Addresses {
	a := Addresses{
		Simulator: "127.0.0.1:5100", Identity: "127.0.0.1:5200", Postgres: "127.0.0.1:5544", Redis: "127.0.0.1:6390",
		services: make(map[string]string), admin: make(map[string]string),
	}
	for _, s := range registry.All() {
		a.admin[s.Name] = s.AdminAddress()
		if s.Name == registry.Gateway {
			a.Gateway = s.Address()
		} else {
			a.services[s.Name] = s.Address()
		}
	}
	return a
}

// Free returns addresses at which nothing listens, for tests that run beside a sandbox.
func Free() (Addresses, error) {
	var held []net.Listener
	a, err := Defaults().each(func(string) (string, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // returns at once
		if err != nil {
			return "", fmt.Errorf("find a free port: %w", err)
		}
		held = append(held, l)
		return l.Addr().String(), nil
	})
	for _, l := range held {
		err = errors.Join(err, l.Close())
	}
	return a, err
}

// Shift moves every port up by n, for another platform beside one.
func (a Addresses) Shift(n int) (Addresses, error) {
	return a.each(func(address string) (string, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return "", fmt.Errorf("move the port of %q: %w", address, err)
		}
		number, err := strconv.Atoi(port)
		if err != nil || number+n < 1 || number+n > 65535 {
			return "", fmt.Errorf("port %s moved by %d is not a port: choose a smaller number", port, n)
		}
		return net.JoinHostPort(host, strconv.Itoa(number+n)), nil
	})
}

// each returns a copy with every address changed.
func (a Addresses) each(change func(string) (string, error)) (Addresses, error) {
	a.services, a.admin = maps.Clone(a.services), maps.Clone(a.admin)
	var err error
	for _, slot := range []*string{&a.Gateway, &a.Simulator, &a.Identity, &a.Postgres, &a.Redis} {
		if *slot, err = change(*slot); err != nil {
			return a, err
		}
	}
	for _, slots := range []map[string]string{a.services, a.admin} {
		for name := range slots {
			if slots[name], err = change(slots[name]); err != nil {
				return a, err
			}
		}
	}
	return a, nil
}

func (a Addresses) all() []string {
	own := []string{a.Gateway, a.Simulator, a.Identity, a.Postgres, a.Redis}
	return slices.AppendSeq(slices.AppendSeq(own, maps.Values(a.services)), maps.Values(a.admin))
}

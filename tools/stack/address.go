package stack

import (
	"errors"
	"fmt"
	"net"
	"strconv"
)

// Addresses are where the parts listen, as host:port on loopback.
type Addresses struct {
	Gateway, GatewayAdmin string
	Tenant, TenantAdmin   string
	Network, NetworkAdmin string
	Simulator             string
	Postgres, Redis       string
}

// Defaults are the addresses that `make up` and `make demo` use and the documents name.
func Defaults() Addresses {
	return Addresses{
		Gateway: "127.0.0.1:8080", GatewayAdmin: "127.0.0.1:9200",
		Tenant: "127.0.0.1:9101", TenantAdmin: "127.0.0.1:9201",
		Network: "127.0.0.1:9102", NetworkAdmin: "127.0.0.1:9202",
		Simulator: "127.0.0.1:5100", Postgres: "127.0.0.1:5544", Redis: "127.0.0.1:6390",
	}
}

// Free are addresses nobody listens on, for tests that run beside a sandbox.
func Free() (Addresses, error) {
	var a Addresses
	var held []net.Listener
	var err error
	for _, slot := range a.all() {
		l, listenErr := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // answers at once
		if listenErr != nil {
			err = errors.Join(err, fmt.Errorf("find a free port: %w", listenErr))
			break
		}
		held = append(held, l)
		*slot = l.Addr().String()
	}
	for _, l := range held {
		err = errors.Join(err, l.Close())
	}
	return a, err
}

// Shift moves every port up by n, for another platform beside one.
func (a Addresses) Shift(n int) (Addresses, error) {
	for _, slot := range a.all() {
		host, port, err := net.SplitHostPort(*slot)
		if err != nil {
			return a, fmt.Errorf("move the port of %q: %w", *slot, err)
		}
		number, err := strconv.Atoi(port)
		if err != nil || number+n < 1 || number+n > 65535 {
			return a, fmt.Errorf("port %s moved by %d is not a port: choose a smaller number", port, n)
		}
		*slot = net.JoinHostPort(host, strconv.Itoa(number+n))
	}
	return a, nil
}

func (a *Addresses) all() []*string {
	return []*string{
		&a.Gateway, &a.GatewayAdmin, &a.Tenant, &a.TenantAdmin, &a.Network, &a.NetworkAdmin, &a.Simulator, &a.Postgres, &a.Redis,
	}
}

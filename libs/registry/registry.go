// Package registry lists the services of the platform: their names, ports, databases and peers. The services themselves, the
// gateway, the sandbox, the tests and the benchmarks read this list; a new service is one entry here.
package registry

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// Gateway is the name of the edge, which passes calls to the public services.
const Gateway = "gateway"

// Service is one service of the platform.
type Service struct {
	// Name is that of its folder, program, database and certificate. Its API is the proto package lowlayer.NAME.v1.
	Name string
	// Port serves gRPC (the gateway: REST too), AdminPort health, metrics and profiles. Both are on loopback unless a setting
	// says otherwise.
	Port, AdminPort int
	// Database says that the service has a Postgres database, and so operations, receipts, an audit trail and quotas.
	Database bool
	// Public services are reached through the gateway.
	Public bool
	// Peers are the services it calls.
	Peers []string
}

// All lists every service; each stands after its peers.
func All() []Service {
	return []Service{
		{Name: "metering", Port: 9103, AdminPort: 9203, Database: true, Public: true},
		{Name: "network", Port: 9102, AdminPort: 9202, Database: true, Public: true, Peers: []string{"metering"}},
		{Name: "tenant", Port: 9101, AdminPort: 9201, Database: true, Public: true, Peers: []string{"metering", "network"}},
		{Name: Gateway, Port: 8080, AdminPort: 9200},
	}
}

// Find returns the service of a name. A name that is not registered has the zero value.
func Find(name string) (Service, bool) {
	all := All()
	i := slices.IndexFunc(all, func(s Service) bool { return s.Name == name })
	if i < 0 {
		return Service{}, false
	}
	return all[i], true
}

// Public lists the services behind the gateway.
func Public() []Service { return filter(func(s Service) bool { return s.Public }) }

// Databases lists the services with a database.
func Databases() []Service { return filter(func(s Service) bool { return s.Database }) }

func filter(keep func(Service) bool) []Service {
	return slices.DeleteFunc(All(), func(s Service) bool { return !keep(s) })
}

// Names returns the names of services.
func Names(services []Service) []string {
	names := make([]string, len(services))
	for i, s := range services {
		names[i] = s.Name
	}
	return names
}

// Calls lists the services that s calls: every public one for the gateway, its peers for others.
func (s Service) Calls() []string {
	if s.Name == Gateway {
		return Names(Public())
	}
	return s.Peers
}

// Address is where the service listens by default, AdminAddress where its admin port does.
func (s Service) Address() string { return loopback(s.Port) }

// AdminAddress is where the service's admin port listens by default.
func (s Service) AdminAddress() string { return loopback(s.AdminPort) }

// Prefix begins the variables of the service's settings.
func (s Service) Prefix() string { return "LOWLAYER_" + strings.ToUpper(s.Name) + "_" }

// TargetVariable is the setting, without a prefix, that says where a service is for those that call it.
func TargetVariable(service string) string { return strings.ToUpper(service) + "_TARGET" }

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

package provision_test

import (
	"testing"

	openstackclient "github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/openstack/kit"
	libprovision "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/cloud/cloudtest"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// made makes an object by its kit, and checks that the cloud holds every attribute the kit names as it was asked for.
func made[T any](t *testing.T, typ libprovision.Type[T], want T) string {
	t.Helper()
	is, err := typ.Create(t.Context(), want)
	if err != nil {
		t.Fatalf("create %s: %v", typ.Name, err)
	}
	id := typ.External(is).ID
	read, err := typ.Read(t.Context(), []string{id})
	if err != nil || len(read) != 1 {
		t.Fatalf("read %s: %v, %v", typ.Name, read, err)
	}
	for _, a := range typ.Diff(read[0], want) {
		t.Errorf("%s %s is %+v, want %+v", typ.Name, a.Name, read[0], want)
	}
	found, err := typ.Look(t.Context(), want)
	if err != nil || len(found) != 1 || found[0].ID != id {
		t.Errorf("%s: found %v, made %s, %v", typ.Name, found, id, err)
	}
	return id
}

func TestKits_madeInTheCloud_differInNothing(t *testing.T) {
	t.Parallel()
	_, clouds := cloudtest.Simulator(t, sim.Options{})
	cloud := openstackclient.NewKeystone(cloudtest.Client(t, clouds, "sim"))
	domain := made(t, kit.NewDomains(cloud).Type, keystone.Domain{Name: "ll-acme-1", Description: "a test", Enabled: true})
	made(t, kit.NewProjects(cloud).Type, keystone.Project{Name: "ll-core-1", Description: "a test", DomainID: domain, Enabled: true, Tags: []string{"lowlayer"}})
	made(t, kit.NewUsers(cloud).Type, keystone.User{Name: "ll-core-1", Description: "a test", DomainID: domain, Enabled: true, Password: "Aa1!aaaa"})
}

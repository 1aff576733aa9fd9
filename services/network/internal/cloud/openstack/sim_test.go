package openstack_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
	libopenstack "github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/kit/kittest"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/cloud/cloudtest"
	"github.com/low-layer/platform/services/network/internal/cloud/openstack"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect opens a cloud of a clouds.yaml.
func connect(t *testing.T, file, name string) *openstack.Cloud {
	t.Helper()
	client, err := libopenstack.New(libopenstack.Config{CloudsFile: file, Cloud: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return openstack.New(client)
}

func simulated(t *testing.T) (*openstack.Cloud, *sim.Cloud) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	server, err := sim.Start(ctx, sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	file := filepath.Join(t.TempDir(), "clouds.yaml")
	err = os.WriteFile(file, fmt.Appendf(nil, `clouds:
  sim:
    region_name: RegionOne
    auth: {auth_url: %q, username: admin, password: labpass, project_name: admin, user_domain_name: Default, project_domain_name: Default}
`, server.AuthURL), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return connect(t, file, "sim"), server.Cloud
}

func TestKits_eachAttributeChangedByHand_isReportedAndPutBack(t *testing.T) {
	cloud, _ := simulated(t)
	kittest.Attributes(t, cloud, ids.New("proj"))
}

func TestSimulator(t *testing.T) {
	cloud, _ := simulated(t)
	cloudtest.Run(t, cloud, ids.New("proj"))
}

func TestListsFollowEveryPageAndAskForFields(t *testing.T) {
	cloud, simulator := simulated(t)
	const n = 250
	var all []string
	for i := range n {
		made, err := cloud.CreateGroup(t.Context(), neutron.Group{Name: fmt.Sprintf("g-%d", i), ProjectID: fmt.Sprintf("p-%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, made.ID)
	}
	simulator.ResetCalls()
	found, err := cloud.Groups(t.Context(), neutron.Filter{IDs: all})
	if err != nil || len(found) != n {
		t.Errorf("found %d of %d, %v", len(found), n, err)
	}
	calls := simulator.Calls()
	if len(calls) != 3 {
		t.Errorf("%d ids were asked for in %d calls, want 3", n, len(calls))
	}
}

func TestLostAnswersAreAmbiguousAndNotRepeated(t *testing.T) {
	cloud, simulator := simulated(t)
	if _, err := simulator.AddFault(sim.Fault{Method: http.MethodPost, Path: "/networks$", Executed: true}); err != nil {
		t.Fatal(err)
	}
	_, err := cloud.CreateNetwork(t.Context(), neutron.Network{Name: "n", ProjectID: "p"})
	e, ok := errs.As(err)
	if !ok || !e.Ambiguous || !strings.Contains(err.Error(), "create network") {
		t.Errorf("got %v", err)
	}
	posts := 0
	for _, c := range simulator.Calls() {
		if c.Method == http.MethodPost && strings.HasSuffix(c.Path, "/networks") {
			posts++
		}
	}
	if posts != 1 {
		t.Errorf("the write was sent %d times", posts)
	}
}

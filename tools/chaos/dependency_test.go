//go:build chaos

package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/metadata"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/identity/identitytest"
	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/faultproxy"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

const (
	// callTimeout is the gateway's; no answer comes later than slack after it, whatever is broken behind it.
	callTimeout = 2 * time.Second
	slack       = 100 * time.Millisecond
	// broken is how long a fault lasts, and healthy is how soon after it everything is as before.
	broken  = 2500 * time.Millisecond
	healthy = 5 * time.Second
	// far is the delay of a slow edge, in each direction.
	far = 150 * time.Millisecond
)

// edges are what one program needs of another.
type edges struct {
	*stacktest.Platform
	proxies map[string]*faultproxy.Proxy
	issuer  *identitytest.Issuer
}

// edgeNames are in the order of the cells.
var edgeNames = []string{
	"tenant to Postgres", "network to Postgres", "all to Redis", "all to Keystone", "all to Neutron", "all to the keys of Keycloak",
	"tenant to Keycloak", "gateway to tenant", "gateway to network", "tenant to network",
}

func startEdges(t *testing.T) *edges {
	t.Helper()
	e := &edges{proxies: map[string]*faultproxy.Proxy{}, issuer: identitytest.Start(t)}
	for _, name := range edgeNames {
		e.proxies[name] = faultproxy.Start(t)
	}
	at := func(name string) string { return e.proxies[name].Address() }
	var env []string
	for _, service := range []string{"GATEWAY", "METERING", "TENANT", "NETWORK"} {
		env = append(env, "LOWLAYER_"+service+"_ISSUER="+e.issuer.URL)
	}
	p, err := stacktest.Open(stack.Options{
		Identity: true, Env: env, Simulator: []string{"--endpoint", "network=http://" + at("all to Neutron")},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Platform = p
	t.Cleanup(func() {
		if err := p.Close(t.Failed()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("logs are kept in %s", p.Dir())
		}
	})
	issuer, err := url.Parse(e.issuer.URL)
	if err != nil {
		t.Fatal(err)
	}
	a := p.Addresses()
	for name, address := range map[string]string{
		"tenant to Postgres": a.Postgres, "network to Postgres": a.Postgres, "all to Redis": a.Redis, "all to Keystone": a.Simulator,
		"all to Neutron": a.Simulator, "all to the keys of Keycloak": issuer.Host, "tenant to Keycloak": a.Identity,
		"gateway to tenant": a.Of("tenant"), "gateway to network": a.Of("network"), "tenant to network": a.Of("network"),
	} {
		e.proxies[name].To(address)
	}
	clouds := filepath.Join(t.TempDir(), "clouds.yaml")
	if err := os.WriteFile(clouds, []byte(fmt.Sprintf(`clouds:
  sandbox:
    auth: {auth_url: "http://%s/identity/v3", username: admin, password: labpass, project_name: admin, user_domain_name: Default, project_domain_name: Default}
    region_name: RegionOne
`, at("all to Keystone"))), 0o600); err != nil {
		t.Fatal(err)
	}
	through := func(service, prefix string, more ...string) {
		database := strings.Replace(p.DatabaseURL(service), a.Postgres, at(service+" to Postgres"), 1)
		p.SetEnv(service, append(
			more, prefix+"DATABASE_URL="+database, prefix+"REDIS_URL=redis://"+at("all to Redis")+"/0", prefix+"CLOUDS_FILE="+clouds,
			prefix+"JWKS_URL=http://"+at("all to the keys of Keycloak")+"/keys",
		)...)
	}
	through("network", "LOWLAYER_NETWORK_")
	through("tenant", "LOWLAYER_TENANT_", "LOWLAYER_TENANT_KEYCLOAK_URL=http://"+at("tenant to Keycloak"), "LOWLAYER_TENANT_NETWORK_TARGET="+at("tenant to network"))
	p.SetEnv(
		"gateway", "LOWLAYER_GATEWAY_TENANT_TARGET="+at("gateway to tenant"), "LOWLAYER_GATEWAY_NETWORK_TARGET="+at("gateway to network"),
		"LOWLAYER_GATEWAY_REDIS_URL=redis://"+at("all to Redis")+"/0", "LOWLAYER_GATEWAY_JWKS_URL=http://"+at("all to the keys of Keycloak")+"/keys",
		"LOWLAYER_GATEWAY_TIMEOUT="+callTimeout.String(),
	)
	if err := p.Stack.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e
}

// An ask is a call and the one right answer to it.
type ask struct {
	name, verb, path, body, token string
	code                          int
	has                           string
}

// answer is what came back.
type answer struct {
	code int
	text string
	took time.Duration
}

func (e *edges) do(a ask) (answer, error) {
	// The limit is far beyond what the platform may take: it has to answer by itself.
	ctx, cancel := context.WithTimeout(context.Background(), 10*callTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, a.verb, "http://"+e.Addresses().Gateway+a.path, bytes.NewReader([]byte(a.body)))
	if err != nil {
		return answer{}, err
	}
	if a.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	began := time.Now()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(text), time.Since(began)}, errors.Join(err, resp.Body.Close())
}

// right is true for the right answer to an ask.
func (a answer) right(to ask) bool { return a.code == to.code && strings.Contains(a.text, to.has) }

// honest is true when it names a dependency that is away now.
func (a answer) honest() bool {
	var p struct{ Reason, Detail string }
	return (a.code == http.StatusServiceUnavailable || a.code == http.StatusGatewayTimeout) &&
		json.Unmarshal([]byte(a.text), &p) == nil && p.Reason != "" && p.Detail != ""
}

func (e *edges) asks(t *testing.T) []ask {
	t.Helper()
	strong := identitytest.SteppedUp()
	owner := e.issuer.Token(t, "owner", []string{"/tenants/edge/owner"}, strong)
	stranger := e.issuer.Token(t, "stranger", []string{"/tenants/elsewhere/owner"}, strong)
	forged := identitytest.Sign(t, identitytest.NewKey(t, "nobody-knows-it"), e.issuer.Claims("owner", []string{"/tenants/edge/owner"}, strong))
	const vpcs = "/v1/tenants/edge/organisations/core/vpcs"
	return []ask{
		{name: "a tenant", path: "/v1/tenants/edge", token: owner, code: 200, has: `"name":"tenants/edge"`},
		{name: "its VPCs", path: vpcs, token: owner, code: 200, has: `/vpcs/dev"`},
		{name: "its operations, of all services", path: "/v1/tenants/edge/operations?pageSize=100", token: owner, code: 200, has: `vpcs/dev"`},
		{name: "its members", path: "/v1/tenants/edge/members", token: owner, code: 200, has: "first@edge.test"},
		{name: "a plan", verb: http.MethodPost, path: vpcs + "?vpcId=plan&validateOnly=true", body: "{}", token: owner, code: 200, has: "routers"},
		{name: "a VPC that is not there", path: vpcs + "/absent", token: owner, code: 404, has: "VPC_NOT_FOUND"},
		{name: "a tenant, as a stranger", path: "/v1/tenants/edge", token: stranger, code: 404, has: "TENANT_NOT_FOUND"},
		{name: "its VPCs, as a stranger", path: vpcs, token: stranger, code: 404, has: "NOT_FOUND"},
		{name: "a tenant, as nobody", path: "/v1/tenants/edge", code: 401, has: "TOKEN_MISSING"},
		{name: "a tenant, with a forged token", path: "/v1/tenants/edge", token: forged, code: 401, has: "TOKEN_INVALID"},
	}
}

// TestDependencies breaks each edge between programs in three ways while users ask. Every user gets the right answer, or an error in
// time that names the dependency that is away. Soon after the edge is whole all results are right, and every order is carried out.
func TestDependencies(t *testing.T) {
	e := startEdges(t)
	conn := stacktest.Dial(t, e.Addresses().Gateway)
	staff := metadata.AppendToOutgoingContext(t.Context(), "authorization",
		"Bearer "+e.issuer.Token(t, "staff", []string{"/platform/operator"}, identitytest.SteppedUp()))
	c := newClient(t, conn, "edge", 1)
	if err := c.createTenant(staff); err != nil {
		t.Fatal(err)
	}
	core := c.tenant + "/organisations/core"
	if err := c.do(staff, "create "+core, func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
		return c.organisations.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
			Parent: c.tenant, OrganisationId: "core", Organisation: &tenantv1.Organisation{Mode: typev1.ResourceMode_MUTUALIZED}, RequestId: id,
		})
	}); err != nil {
		t.Fatal(err)
	}
	order := func(vpc string) error {
		return c.do(staff, "create "+vpc, func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
			return c.vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: core, VpcId: vpc, Vpc: &networkv1.Vpc{}, RequestId: id})
		})
	}
	if err := order("dev"); err != nil {
		t.Fatal(err)
	}
	if _, err := tenantv1.NewMemberServiceClient(conn).CreateMember(staff, &tenantv1.CreateMemberRequest{
		Parent: c.tenant, Member: &tenantv1.Member{Email: "first@edge.test", Roles: []tenantv1.Role{tenantv1.Role_OWNER}},
	}); err != nil {
		t.Fatal(err)
	}
	holds := func(t *testing.T, id string) map[string]int {
		t.Helper()
		vpc, err := c.vpcs.GetVpc(staff, &networkv1.GetVpcRequest{Name: core + "/vpcs/" + id})
		if err != nil {
			t.Fatal(err)
		}
		return e.Inventory(t, vpc.GetUid())
	}
	whole := holds(t, "dev")
	if len(whole) < 4 {
		t.Fatalf("the cloud has %v of a VPC", whole)
	}
	asks := e.asks(t)
	if late := e.healthy(asks); late != nil {
		t.Fatalf("before anything is broken: %v", late)
	}
	cells, total := 0, 0
	for _, edge := range edgeNames {
		p := e.proxies[edge]
		for what, fault := range map[string]func(){"cut": p.Cut, "held": p.Hold, "slow": func() { p.Delay(far) }} {
			ok := t.Run(edge+"/"+what, func(t *testing.T) {
				ordered, vpc := make(chan error, 1), fmt.Sprintf("vpc-%d", cells)
				go func() { ordered <- order(vpc) }()
				fault()
				right, honest := e.during(t, asks)
				p.Pass()
				began := time.Now()
				if late := e.healthy(asks); late != nil {
					t.Errorf("%s after it is whole again: %v", healthy, late)
				}
				t.Logf("%d right answers, %d that something is away; healthy after %s", right, honest, time.Since(began).Round(time.Millisecond))
				if err := <-ordered; err != nil {
					t.Error(err)
				}
				if got := holds(t, vpc); !maps.Equal(got, whole) {
					t.Errorf("the cloud has %v of it, want %v", got, whole)
				}
				if err := c.do(staff, "delete "+vpc, func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
					return c.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: core + "/vpcs/" + vpc, RequestId: id})
				}); err != nil {
					t.Error(err)
				}
				total += right + honest
			})
			cells++
			if !ok {
				return
			}
		}
	}
	t.Logf("%d cells, %d answers", cells, total)
	if err := c.deleteOrganisation(staff, core); err != nil {
		t.Error(err)
	}
	if err := c.purge(staff); err != nil {
		t.Error(err)
	}
	if left := e.Inventory(t, "edge"); len(left) > 0 {
		t.Errorf("the cloud still holds %v", left)
	}
}

// during has everybody ask again and again while an edge is broken.
func (e *edges) during(t *testing.T, asks []ask) (right, honest int) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	end := time.Now().Add(broken)
	for _, a := range asks {
		all.Go(func() {
			for time.Now().Before(end) {
				got, err := e.do(a)
				mu.Lock()
				switch {
				case err != nil:
					t.Errorf("%s: %v", a.name, err)
				case got.took > callTimeout+slack:
					t.Errorf("%s: took %s: %d %s", a.name, got.took, got.code, got.text)
				case got.right(a):
					right++
				case got.honest():
					honest++
				default:
					t.Errorf("%s: got %d %s", a.name, got.code, got.text)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return right, honest
}

// healthy returns what is still wrong after the recovery.
func (e *edges) healthy(asks []ask) error {
	end := time.Now().Add(healthy)
	for _, a := range asks {
		for {
			got, err := e.do(a)
			if err == nil && got.right(a) {
				break
			}
			if time.Now().After(end) {
				return fmt.Errorf("%s: %d %s, %v", a.name, got.code, got.text, err) //nolint:errorlint // it may be nil
			}
		}
	}
	return nil
}

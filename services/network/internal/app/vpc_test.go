package app_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/naming"
)

func TestVpcLife(t *testing.T) {
	w := newWorld(t, setup{})
	hub := w.foundation()
	if hub.GetState() != typev1.State_ACTIVE || hub.GetCloud().GetRouterId() == "" || hub.GetCidr() != "10.64.0.0/22" {
		t.Fatalf("got %v", hub)
	}
	before := w.objects("proj-core")
	v := w.vpc("dev", &networkv1.Vpc{DisplayName: "Development", Labels: map[string]string{"env": "dev"}})
	if v.GetState() != typev1.State_ACTIVE || v.GetReconciling() || v.GetMode() != typev1.ResourceMode_MUTUALIZED ||
		v.GetCidr() != "10.64.16.0/20" || v.GetDisplayName() != "Development" || v.GetLabels()["env"] != "dev" {
		t.Errorf("got %v", v)
	}
	c := v.GetCloud()
	if slices.Contains([]string{c.GetProjectId(), c.GetNetworkId(), c.GetSubnetId(), c.GetRouterId(), c.GetTransitNetworkId(), c.GetSecurityGroupId()}, "") {
		t.Errorf("some objects are not shown: %v", c)
	}
	if !proto.Equal(v, w.get(v.GetName())) {
		t.Errorf("the operation answered %v, the VPC is %v", v, w.get(v.GetName()))
	}
	w.done(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: v.GetName()}))
	_, err := w.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: v.GetName()})
	refused(t, err, codes.NotFound, "VPC_NOT_FOUND")
	if after := w.objects("proj-core"); len(after) != len(before) {
		t.Errorf("the cloud holds %v, before the VPC it held %v", after, before)
	}
	again := w.vpc("dev", &networkv1.Vpc{Cidr: "10.64.16.0/20"})
	if again.GetUid() == v.GetUid() {
		t.Error("a uid was used again")
	}
}

// The hub knows every VPC, a VPC only the hub.
func TestTopologyKeepsVpcsApart(t *testing.T) {
	w := newWorld(t, setup{})
	hub := w.foundation()
	dev, prod := w.vpc("dev", &networkv1.Vpc{}), w.vpc("prod", &networkv1.Vpc{Mode: typev1.ResourceMode_DEDICATED})
	if prod.GetMode() != typev1.ResourceMode_DEDICATED {
		t.Errorf("got mode %s", prod.GetMode())
	}
	routes := func(id string) []string {
		routers, err := w.cloud.Routers(t.Context(), neutron.Filter{IDs: []string{id}})
		must(t, err)
		var out []string
		for _, r := range routers[0].Routes {
			out = append(out, r.Destination.String()+" via "+r.NextHop.String())
		}
		slices.Sort(out)
		return out
	}
	want := map[string][]string{
		hub.GetCloud().GetRouterId():  {dev.GetCidr() + " via 100.64.0.2", prod.GetCidr() + " via 100.64.0.6"},
		dev.GetCloud().GetRouterId():  {hub.GetCidr() + " via 100.64.0.1"},
		prod.GetCloud().GetRouterId(): {hub.GetCidr() + " via 100.64.0.5"},
	}
	for router, lines := range want {
		if got := routes(router); !slices.Equal(got, lines) {
			t.Errorf("router %s has routes %q, want %q", router, got, lines)
		}
	}
	for _, v := range []*networkv1.Vpc{dev, prod} {
		rules, err := w.cloud.Rules(t.Context(), neutron.Filter{GroupID: v.GetCloud().GetSecurityGroupId()})
		must(t, err)
		var in []string
		for _, r := range rules {
			if r.Direction == neutron.Ingress {
				in = append(in, r.Description+" "+r.Remote.String())
			}
		}
		slices.Sort(in)
		if want := []string{"lowlayer:allow=bastion " + hub.GetCidr(), "lowlayer:allow=vpc " + v.GetCidr()}; !slices.Equal(in, want) {
			t.Errorf("got rules %q, want %q", in, want)
		}
		networks, err := w.cloud.Networks(t.Context(), neutron.Filter{IDs: []string{v.GetCloud().GetNetworkId(), v.GetCloud().GetTransitNetworkId()}})
		must(t, err)
		for _, n := range networks {
			for _, tag := range naming.Tags(v.GetUid(), "acme") {
				if !slices.Contains(n.Tags, tag) {
					t.Errorf("network %s has tags %q, without %q", n.Name, n.Tags, tag)
				}
			}
		}
	}
}

func TestCreateVpcRefuses(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	w.vpc("dev", &networkv1.Vpc{Cidr: "10.65.0.0/20"})
	before := len(w.objects("proj-core"))
	cases := []struct {
		name   string
		parent string
		id     string
		vpc    *networkv1.Vpc
		code   codes.Code
		reason string
		says   string
	}{
		{"no organisation", tenant + "/organisations/ghost", "x1", &networkv1.Vpc{}, codes.NotFound, "ORGANISATION_NOT_FOUND", "ghost"},
		{"no tenant", "tenants/ghost/organisations/core", "x1", &networkv1.Vpc{}, codes.NotFound, "ORGANISATION_NOT_FOUND", "ghost"},
		{"name in use", org, "dev", &networkv1.Vpc{}, codes.AlreadyExists, "VPC_EXISTS", "dev"},
		{"no CIDR", org, "x1", &networkv1.Vpc{Cidr: "ten"}, codes.InvalidArgument, "CIDR_INVALID", "vpc.cidr"},
		{"IPv6", org, "x1", &networkv1.Vpc{Cidr: "fd00::/64"}, codes.InvalidArgument, "CIDR_INVALID", "IPv4"},
		{"host bits", org, "x1", &networkv1.Vpc{Cidr: "10.66.1.0/20"}, codes.InvalidArgument, "CIDR_INVALID", "10.66.0.0/20"},
		{"too large", org, "x1", &networkv1.Vpc{Cidr: "10.66.0.0/15"}, codes.InvalidArgument, "CIDR_SIZE", "/16 and /26"},
		{"too small", org, "x1", &networkv1.Vpc{Cidr: "10.66.0.0/27"}, codes.InvalidArgument, "CIDR_SIZE", "/16 and /26"},
		{"outside", org, "x1", &networkv1.Vpc{Cidr: "192.168.0.0/20"}, codes.InvalidArgument, "CIDR_OUTSIDE_TENANT", space},
		{"overlap", org, "x1", &networkv1.Vpc{Cidr: "10.65.0.0/16"}, codes.InvalidArgument, "CIDR_OVERLAP", org + "/vpcs/dev"},
		{"overlap with the hub", org, "x1", &networkv1.Vpc{Cidr: "10.64.0.0/20"}, codes.InvalidArgument, "CIDR_OVERLAP", org + "/hub"},
		{"two rules of one name", org, "x1", &networkv1.Vpc{IngressRules: []*networkv1.IngressRule{
			{Name: "web", SourceCidr: "10.0.0.0/8"}, {Name: "web", SourceCidr: "11.0.0.0/8"},
		}}, codes.InvalidArgument, "INVALID_FIELDS", "vpc.ingress_rules[1].name"},
		{"ports without protocol", org, "x1", &networkv1.Vpc{IngressRules: []*networkv1.IngressRule{
			{Name: "web", PortMin: 80, SourceCidr: "10.0.0.0/8"},
		}}, codes.InvalidArgument, "INVALID_FIELDS", "vpc.ingress_rules[0].port_min"},
		{"bad id", org, "Dev!", &networkv1.Vpc{}, codes.InvalidArgument, "", "vpc_id"},
		{"unknown mode", org, "x1", &networkv1.Vpc{Mode: 7}, codes.InvalidArgument, "", "mode"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := w.vpcs.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{Parent: c.parent, VpcId: c.id, Vpc: c.vpc})
			if c.reason == "" {
				if got := errs.CodeOf(asError(err)); got != errs.InvalidArgument {
					t.Fatalf("got %v", err)
				}
			} else {
				refused(t, err, c.code, c.reason)
			}
			if e := asError(err); !strings.Contains(e.Error(), c.says) {
				t.Errorf("%v does not say %q", e, c.says)
			}
		})
	}
	if after := len(w.objects("proj-core")); after != before {
		t.Errorf("refused calls left %d objects behind", after-before)
	}
}

func TestUpdateVpc(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	v := w.vpc("dev", &networkv1.Vpc{DisplayName: "old", Labels: map[string]string{"a": "1"}, IngressRules: []*networkv1.IngressRule{
		{Name: "web", Protocol: networkv1.IngressRule_TCP, PortMin: 80, SourceCidr: "0.0.0.0/0"},
		{Name: "all-of-office", SourceCidr: "203.0.113.0/24"},
	}})
	update := func(mask []string, change *networkv1.Vpc) (*networkv1.Vpc, error) {
		change.Name = v.GetName()
		op, err := w.vpcs.UpdateVpc(t.Context(), &networkv1.UpdateVpcRequest{Vpc: change, UpdateMask: &fieldmaskpb.FieldMask{Paths: mask}})
		if err != nil {
			return nil, err
		}
		return response(w, w.done(op, nil), &networkv1.Vpc{}), nil
	}
	got, err := update([]string{"display_name", "ingress_rules"}, &networkv1.Vpc{DisplayName: "new", IngressRules: []*networkv1.IngressRule{
		{Name: "website", Protocol: networkv1.IngressRule_TCP, PortMin: 80, SourceCidr: "0.0.0.0/0"},
		{Name: "tls", Protocol: networkv1.IngressRule_TCP, PortMin: 443, PortMax: 444, SourceCidr: "0.0.0.0/0"},
	}})
	must(t, err)
	if got.GetDisplayName() != "new" || got.GetLabels()["a"] != "1" || len(got.GetIngressRules()) != 2 || got.GetEtag() == v.GetEtag() {
		t.Errorf("got %v", got)
	}
	rules, err := w.cloud.Rules(t.Context(), neutron.Filter{GroupID: v.GetCloud().GetSecurityGroupId()})
	must(t, err)
	var in []string
	for _, r := range rules {
		if strings.HasPrefix(r.Description, "lowlayer:ingress=") {
			in = append(in, fmt.Sprintf("%s %d-%d", strings.TrimPrefix(r.Description, "lowlayer:ingress="), r.PortMin, r.PortMax))
		}
	}
	slices.Sort(in)
	if want := []string{"tls 443-444", "website 80-80"}; !slices.Equal(in, want) {
		t.Errorf("the security group has %q, want %q", in, want)
	}

	_, err = update([]string{"labels"}, &networkv1.Vpc{Etag: v.GetEtag()})
	refused(t, err, codes.Aborted, "ETAG_MISMATCH")
	if got, err = update([]string{"labels", "etag"}, &networkv1.Vpc{Etag: got.GetEtag()}); err != nil || len(got.GetLabels()) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
	_, err = update([]string{"cidr"}, &networkv1.Vpc{Cidr: "10.70.0.0/20"})
	if e := refusal(t, err, codes.InvalidArgument, "INVALID_FIELDS"); e.Fields[0].Field != "vpc.cidr" {
		t.Errorf("got %v", e)
	}
	_, err = update([]string{"mode"}, &networkv1.Vpc{Mode: typev1.ResourceMode_DEDICATED})
	refused(t, err, codes.InvalidArgument, "INVALID_FIELDS")
	_, err = update([]string{"colour"}, &networkv1.Vpc{})
	if e := asError(err); e.Code != errs.InvalidArgument || !strings.Contains(e.Error(), "colour") {
		t.Errorf("got %v", e)
	}
	// A client that sends back what it read changes what it changed.
	whole := proto.CloneOf(got)
	whole.DisplayName = "whole"
	if got, err = update(nil, whole); err != nil || got.GetDisplayName() != "whole" {
		t.Errorf("got %v, %v", got, err)
	}
	_, err = w.vpcs.UpdateVpc(t.Context(), &networkv1.UpdateVpcRequest{Vpc: &networkv1.Vpc{Name: org + "/vpcs/ghost"}})
	refused(t, err, codes.NotFound, "VPC_NOT_FOUND")
}

func TestListVpcs(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	other := tenant + "/organisations/labs"
	w.hub(other, "proj-labs")
	for i := range 5 {
		_, err := w.create(fmt.Sprintf("v%d", i), &networkv1.Vpc{Labels: map[string]string{"n": fmt.Sprint(i)}})
		must(t, err)
	}
	w.done(w.vpcs.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{Parent: other, VpcId: "v9", Vpc: &networkv1.Vpc{}}))
	names := func(req *networkv1.ListVpcsRequest) []string {
		var out []string
		for {
			page, err := w.vpcs.ListVpcs(t.Context(), req)
			must(t, err)
			for _, v := range page.GetVpcs() {
				out = append(out, v.GetName()[strings.LastIndex(v.GetName(), "/")+1:])
			}
			if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
				return out
			}
		}
	}
	for _, c := range []struct {
		req  *networkv1.ListVpcsRequest
		want string
	}{
		{&networkv1.ListVpcsRequest{Parent: org}, "v0 v1 v2 v3 v4"},
		{&networkv1.ListVpcsRequest{Parent: org, PageSize: 2}, "v0 v1 v2 v3 v4"},
		{&networkv1.ListVpcsRequest{Parent: org, PageSize: 2, OrderBy: "name desc"}, "v4 v3 v2 v1 v0"},
		{&networkv1.ListVpcsRequest{Parent: org, PageSize: 3, OrderBy: "create_time desc"}, "v4 v3 v2 v1 v0"},
		{&networkv1.ListVpcsRequest{Parent: tenant + "/organisations/-", PageSize: 4}, "v0 v1 v2 v3 v4 v9"},
		{&networkv1.ListVpcsRequest{Parent: org, Filter: `labels.n = "3"`}, "v3"},
		{&networkv1.ListVpcsRequest{Parent: org, Filter: `mode = DEDICATED`}, ""},
		{&networkv1.ListVpcsRequest{Parent: org, Filter: `cidr : "10.64.16.9"`}, "v0"},
	} {
		if got := strings.Join(names(c.req), " "); got != c.want {
			t.Errorf("%v: got %q, want %q", c.req, got, c.want)
		}
	}
	for field, req := range map[string]*networkv1.ListVpcsRequest{
		"filter":     {Parent: org, Filter: "colour = 1"},
		"order_by":   {Parent: org, OrderBy: "cidr"},
		"page_token": {Parent: org, PageToken: "nonsense"},
	} {
		_, err := w.vpcs.ListVpcs(t.Context(), req)
		if e := asError(err); e.Code != errs.InvalidArgument || !strings.Contains(e.Error(), field) {
			t.Errorf("%s: got %v", field, e)
		}
	}
}

func TestRequestIDMakesRepeatingSafe(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	call := func(name string) (string, error) {
		op, err := w.vpcs.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{
			Parent: org, VpcId: "dev", RequestId: "r-1", Vpc: &networkv1.Vpc{DisplayName: name},
		})
		return op.GetName(), err
	}
	var names sync.Map
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			name, err := call("a")
			if err != nil {
				t.Errorf("repeated call: %v", err)
			}
			names.Store(name, true)
		})
	}
	callers.Wait()
	count := 0
	names.Range(func(_, _ any) bool { count++; return true })
	if count != 1 {
		t.Errorf("one request id made %d operations", count)
	}
	_, err := call("b")
	refused(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")
}

func TestConcurrentCreatorsGetNetworksOfTheirOwn(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	// A project has ten routers unless its quota is raised; the hub has one.
	const n = 8
	var creators sync.WaitGroup
	for i := range n {
		creators.Go(func() {
			if _, err := w.create(fmt.Sprintf("v%02d", i), &networkv1.Vpc{}); err != nil {
				t.Errorf("create %d: %v", i, err)
			}
		})
	}
	creators.Wait()
	page, err := w.vpcs.ListVpcs(t.Context(), &networkv1.ListVpcsRequest{Parent: org, PageSize: 100})
	must(t, err)
	seen := map[string]bool{}
	for _, v := range page.GetVpcs() {
		seen[v.GetCidr()] = true
		seen[v.GetCloud().GetTransitCidr()] = true
	}
	if len(seen) != 2*n {
		t.Errorf("%d VPCs have %d networks and links of their own, want %d", n, len(seen), 2*n)
	}
	w.until("all are ACTIVE", func() bool {
		page, err := w.vpcs.ListVpcs(t.Context(), &networkv1.ListVpcsRequest{Parent: org, PageSize: 100, Filter: "state = ACTIVE"})
		must(t, err)
		return len(page.GetVpcs()) == n
	})
}

func TestExhaustion(t *testing.T) {
	w := newWorld(t, setup{})
	w.boundary("acme", "10.64.0.0/20")
	w.hub(org, "proj-core")
	_, err := w.create("dev", &networkv1.Vpc{})
	e := refusal(t, err, codes.FailedPrecondition, "CIDR_EXHAUSTED")
	if !strings.Contains(e.Message, "/20") || e.Metadata["network_cidr"] != "10.64.0.0/20" {
		t.Errorf("got %v", e)
	}
	w.vpc("dev", &networkv1.Vpc{Cidr: "10.64.8.0/24"})
}

func TestAHubRoutesToSoManyVpcsAndNoMore(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	for i := range 30 {
		_, err := w.create(fmt.Sprintf("v%d", i), &networkv1.Vpc{})
		must(t, err)
	}
	_, err := w.create("late", &networkv1.Vpc{})
	refused(t, err, codes.ResourceExhausted, "VPC_LIMIT_REACHED")
}

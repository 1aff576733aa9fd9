package gate

import (
	"testing"

	"github.com/low-layer/platform/libs/authz"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

func TestTenantOf_rawOrDecoded_isTheSame(t *testing.T) {
	methods, err := authz.LinkedMethods()
	if err != nil {
		t.Fatal(err)
	}
	for method, cases := range map[string]map[proto.Message]string{
		tenantv1.TenantService_GetTenant_FullMethodName: {
			&tenantv1.GetTenantRequest{Name: "tenants/acme"}: "acme", &tenantv1.GetTenantRequest{}: "", &tenantv1.GetTenantRequest{Name: "acme"}: "",
		},
		networkv1.VpcService_UpdateVpc_FullMethodName: {
			&networkv1.UpdateVpcRequest{RequestId: "x", Vpc: &networkv1.Vpc{Name: "tenants/acme/organisations/core/vpcs/dev", DisplayName: "Dev"}}: "acme",
			&networkv1.UpdateVpcRequest{}: "",
		},
		networkv1.VpcService_ListVpcs_FullMethodName: {
			&networkv1.ListVpcsRequest{PageSize: 7, Parent: "tenants/acme/organisations/-", Filter: "x"}: "acme",
		},
		tenantv1.TenantService_CreateTenant_FullMethodName: {&tenantv1.CreateTenantRequest{TenantId: "acme"}: ""},
	} {
		for request, want := range cases {
			p := pathTo(request.ProtoReflect().Descriptor(), methods[method].Field)
			data, err := proto.Marshal(request)
			if err != nil {
				t.Fatal(err)
			}
			if a, b := p.in(request.ProtoReflect()), p.inBytes(data); a != want || b != want {
				t.Errorf("%s %v: decoded %q, walked %q, want %q", method, request, a, b, want)
			}
		}
	}
}

// Walking ends where decoding does for any input: at the last value.
func FuzzTenant(f *testing.F) {
	twice := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "tenants/one")
	twice = protowire.AppendString(protowire.AppendTag(twice, 1, protowire.BytesType), "tenants/two")
	f.Add(twice)
	f.Add([]byte{})
	f.Add([]byte{0x0a, 0x7f, 0x01})
	p := pathTo((&networkv1.UpdateVpcRequest{}).ProtoReflect().Descriptor(), "vpc.name")
	parts := protowire.AppendBytes(protowire.AppendTag(nil, p[0].Number(), protowire.BytesType), twice)
	f.Add(protowire.AppendBytes(protowire.AppendTag(parts, p[0].Number(), protowire.BytesType), nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		walked := p.inBytes(data)
		var request networkv1.UpdateVpcRequest
		if proto.Unmarshal(data, &request) != nil {
			return
		}
		if want := p.in(request.ProtoReflect()); walked != want {
			t.Errorf("%x: walked %q, decoded %q", data, walked, want)
		}
	})
}

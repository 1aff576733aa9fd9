package api

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/emptypb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

const (
	membersCollection  = "members"
	accountsCollection = "serviceAccounts"
)

type memberServer struct {
	tenantv1.UnimplementedMemberServiceServer
	use *member.Members
}

var memberMask = mask{resource: "member", mutable: []string{"roles"}}

// request is repeatable in the words of core/member.
func request(r tenancy.Request, err error) (member.Request, error) { return member.Request(r), err }

func memberToProto(m member.Member) *tenantv1.Member {
	return &tenantv1.Member{
		Name: m.Name(), Uid: m.UID, Email: m.Email, DisplayName: m.DisplayName, Roles: rolesToProto(m.Roles),
		InitialPassword: m.InitialPassword, Etag: m.Etag(), CreateTime: convert.Time(m.CreateTime), UpdateTime: convert.Time(m.UpdateTime),
	}
}

func rolesToProto(in []member.Role) []tenantv1.Role {
	out := make([]tenantv1.Role, len(in))
	for i, r := range in {
		out[i] = tenantv1.Role(tenantv1.Role_value[strings.ToUpper(string(r))])
	}
	return out
}

func rolesFromProto(in []tenantv1.Role) []member.Role {
	out := make([]member.Role, len(in))
	for i, r := range in {
		out[i] = member.Role(strings.ToLower(r.String()))
	}
	return out
}

// CreateMember gives a person roles.
func (s *memberServer) CreateMember(ctx context.Context, req *tenantv1.CreateMemberRequest) (*tenantv1.Member, error) {
	again, err := request(repeatable("CreateMember", req.GetRequestId(), req))
	if err != nil {
		return nil, err
	}
	scope, err := member.ParseScope(req.GetParent())
	if err != nil {
		return nil, nameIn("parent", err)
	}
	m, err := s.use.Create(ctx, member.Create{
		Scope: scope, Email: req.GetMember().GetEmail(), DisplayName: req.GetMember().GetDisplayName(),
		Roles: rolesFromProto(req.GetMember().GetRoles()), Request: again,
	})
	if err != nil {
		return nil, err
	}
	return memberToProto(m), nil
}

// GetMember answers one member.
func (s *memberServer) GetMember(ctx context.Context, req *tenantv1.GetMemberRequest) (*tenantv1.Member, error) {
	k, err := member.ParseKey(req.GetName(), membersCollection)
	if err != nil {
		return nil, err
	}
	m, err := s.use.Get(ctx, k)
	if err != nil {
		return nil, err
	}
	return memberToProto(m), nil
}

// ListMembers answers a page of members.
func (s *memberServer) ListMembers(ctx context.Context, req *tenantv1.ListMembersRequest) (*tenantv1.ListMembersResponse, error) {
	scope, err := member.ParseScope(req.GetParent())
	if err != nil {
		return nil, nameIn("parent", err)
	}
	page, err := s.use.List(ctx, member.List{
		Scope: scope, PageSize: req.GetPageSize(), PageToken: req.GetPageToken(), Filter: req.GetFilter(), OrderBy: req.GetOrderBy(),
	})
	if err != nil {
		return nil, err
	}
	out := &tenantv1.ListMembersResponse{NextPageToken: page.NextPageToken}
	for _, m := range page.Items {
		out.Members = append(out.Members, memberToProto(m))
	}
	return out, nil
}

// UpdateMember replaces a member's roles.
func (s *memberServer) UpdateMember(ctx context.Context, req *tenantv1.UpdateMemberRequest) (*tenantv1.Member, error) {
	again, err := request(repeatable("UpdateMember", req.GetRequestId(), req))
	if err != nil {
		return nil, err
	}
	wanted := req.GetMember()
	k, err := member.ParseKey(wanted.GetName(), membersCollection)
	if err != nil {
		return nil, nameIn("member.name", err)
	}
	current, err := s.use.Get(ctx, k)
	if err != nil {
		return nil, err
	}
	paths, err := memberMask.paths(req.GetUpdateMask(), wanted, memberToProto(current))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return memberToProto(current), nil
	}
	m, err := s.use.Update(ctx, member.Update{Key: k, Etag: wanted.GetEtag(), Roles: rolesFromProto(wanted.GetRoles()), Request: again})
	if err != nil {
		return nil, err
	}
	return memberToProto(m), nil
}

// DeleteMember takes a person's roles.
func (s *memberServer) DeleteMember(ctx context.Context, req *tenantv1.DeleteMemberRequest) (*emptypb.Empty, error) {
	again, err := request(repeatable("DeleteMember", req.GetRequestId(), req))
	if err != nil {
		return nil, err
	}
	k, err := member.ParseKey(req.GetName(), membersCollection)
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, s.use.Delete(ctx, member.Delete{Key: k, Etag: req.GetEtag(), Request: again})
}

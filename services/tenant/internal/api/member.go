package api

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/emptypb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/libs/resource/mask"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/usecase"
)

const (
	membersCollection  = "members"
	accountsCollection = "serviceAccounts"
)

type memberServer struct {
	tenantv1.UnimplementedMemberServiceServer
	use *usecase.Members
}

func memberToProto(m member.Member) *tenantv1.Member {
	return &tenantv1.Member{
		Name: m.Name(), Uid: m.UID, Email: m.Email, DisplayName: m.DisplayName, Roles: convert.All(m.Roles, roleToProto),
		InitialPassword: m.InitialPassword, Etag: m.Etag(), CreateTime: convert.Time(m.CreateTime), UpdateTime: convert.Time(m.UpdateTime),
	}
}

func roleToProto(r member.Role) tenantv1.Role {
	return tenantv1.Role(tenantv1.Role_value[strings.ToUpper(string(r))])
}

func roleFromProto(r tenantv1.Role) member.Role { return member.Role(strings.ToLower(r.String())) }

// shown renders what a use case returned.
func shown[T, M any](v T, err error) func(func(T) *M) (*M, error) {
	return func(message func(T) *M) (*M, error) {
		if err != nil {
			return nil, err
		}
		return message(v), nil
	}
}

// memberCall reads the identity and the key of a call on an existing member or account.
func memberCall(ctx context.Context, req convert.Repeatable, field, name, collection string) (member.Delete, error) {
	id, err := convert.Identity(ctx, req)
	if err != nil {
		return member.Delete{}, err
	}
	k, err := member.ParseKey(name, collection)
	return member.Delete{Key: k, Request: id}, nameIn(field, err)
}

// CreateMember gives a person roles.
func (s *memberServer) CreateMember(ctx context.Context, req *tenantv1.CreateMemberRequest) (*tenantv1.Member, error) {
	id, err := convert.Identity(ctx, req)
	if err != nil {
		return nil, err
	}
	scope, err := member.ParseScope(req.GetParent())
	if err != nil {
		return nil, nameIn("parent", err)
	}
	return shown[member.Member, tenantv1.Member](s.use.Create(ctx, member.Create{
		Scope: scope, Email: req.GetMember().GetEmail(), DisplayName: req.GetMember().GetDisplayName(),
		Roles: convert.All(req.GetMember().GetRoles(), roleFromProto), Request: id,
	}))(memberToProto)
}

// GetMember reads one member.
func (s *memberServer) GetMember(ctx context.Context, req *tenantv1.GetMemberRequest) (*tenantv1.Member, error) {
	k, err := member.ParseKey(req.GetName(), membersCollection)
	if err != nil {
		return nil, err
	}
	return shown[member.Member, tenantv1.Member](s.use.Get(ctx, k))(memberToProto)
}

// ListMembers reads a page of members.
func (s *memberServer) ListMembers(ctx context.Context, req *tenantv1.ListMembersRequest) (*tenantv1.ListMembersResponse, error) {
	scope, err := member.ParseScope(req.GetParent())
	if err != nil {
		return nil, nameIn("parent", err)
	}
	page, err := s.use.List(ctx, scope, convert.List(ctx, req))
	if err != nil {
		return nil, err
	}
	return &tenantv1.ListMembersResponse{Members: convert.All(page.Items, memberToProto), NextPageToken: page.Next}, nil
}

// UpdateMember replaces a member's roles.
func (s *memberServer) UpdateMember(ctx context.Context, req *tenantv1.UpdateMemberRequest) (*tenantv1.Member, error) {
	wanted := req.GetMember()
	call, err := memberCall(ctx, req, "member.name", wanted.GetName(), membersCollection)
	if err != nil {
		return nil, err
	}
	current, err := s.use.Get(ctx, call.Key)
	if err != nil {
		return nil, err
	}
	paths, err := mask.New("member", req.GetUpdateMask(), wanted).Paths(memberToProto(current))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return memberToProto(current), nil
	}
	return shown[member.Member, tenantv1.Member](s.use.Update(ctx, member.Update{
		Key: call.Key, Etag: wanted.GetEtag(), Roles: convert.All(wanted.GetRoles(), roleFromProto), Request: call.Request,
	}))(memberToProto)
}

// DeleteMember takes a person's roles.
func (s *memberServer) DeleteMember(ctx context.Context, req *tenantv1.DeleteMemberRequest) (*emptypb.Empty, error) {
	in, err := memberCall(ctx, req, "name", req.GetName(), membersCollection)
	if err != nil {
		return nil, err
	}
	in.Etag = req.GetEtag()
	return &emptypb.Empty{}, s.use.Delete(ctx, in)
}

package api

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
)

// RegisterMembers puts the RPCs of members and service accounts on a server.
func RegisterMembers(r grpc.ServiceRegistrar, members *member.Members, accounts *member.Accounts) {
	tenantv1.RegisterMemberServiceServer(r, &memberServer{use: members})
	tenantv1.RegisterServiceAccountServiceServer(r, &accountServer{use: accounts})
}

type accountServer struct {
	tenantv1.UnimplementedServiceAccountServiceServer
	use *member.Accounts
}

func accountToProto(a member.Account) *tenantv1.ServiceAccount {
	return &tenantv1.ServiceAccount{
		Name: a.Name(), Uid: a.UID, DisplayName: a.DisplayName, Roles: rolesToProto(a.Roles), ClientId: a.ClientID, Subject: a.Subject,
		Secret: a.Secret, ExpireTime: convert.Time(a.ExpireTime), Expired: a.Expired, LastUseTime: convert.Time(a.LastUseTime),
		Etag: a.Etag(), CreateTime: convert.Time(a.CreateTime), UpdateTime: convert.Time(a.UpdateTime),
	}
}

// CreateServiceAccount makes an account.
func (s *accountServer) CreateServiceAccount(
	ctx context.Context, req *tenantv1.CreateServiceAccountRequest,
) (*tenantv1.ServiceAccount, error) {
	again, err := request(repeatable("CreateServiceAccount", req.GetRequestId(), req))
	if err != nil {
		return nil, err
	}
	scope, err := member.ParseScope(req.GetParent())
	if err != nil {
		return nil, nameIn("parent", err)
	}
	a, err := s.use.Create(ctx, member.CreateAccount{
		Key: member.Key{Scope: scope, ID: req.GetServiceAccountId()}, DisplayName: req.GetServiceAccount().GetDisplayName(),
		Roles: rolesFromProto(req.GetServiceAccount().GetRoles()), Lifetime: req.GetLifetime().AsDuration(), Request: again,
	})
	if err != nil {
		return nil, err
	}
	return accountToProto(a), nil
}

// GetServiceAccount answers one account.
func (s *accountServer) GetServiceAccount(ctx context.Context, req *tenantv1.GetServiceAccountRequest) (*tenantv1.ServiceAccount, error) {
	k, err := member.ParseKey(req.GetName(), accountsCollection)
	if err != nil {
		return nil, err
	}
	a, err := s.use.Get(ctx, k)
	if err != nil {
		return nil, err
	}
	return accountToProto(a), nil
}

// ListServiceAccounts answers a page of accounts.
func (s *accountServer) ListServiceAccounts(
	ctx context.Context, req *tenantv1.ListServiceAccountsRequest,
) (*tenantv1.ListServiceAccountsResponse, error) {
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
	out := &tenantv1.ListServiceAccountsResponse{NextPageToken: page.NextPageToken}
	for _, a := range page.Items {
		out.ServiceAccounts = append(out.ServiceAccounts, accountToProto(a))
	}
	return out, nil
}

// RotateServiceAccount makes a new secret.
func (s *accountServer) RotateServiceAccount(
	ctx context.Context, req *tenantv1.RotateServiceAccountRequest,
) (*tenantv1.ServiceAccount, error) {
	again, err := request(repeatable("RotateServiceAccount", req.GetRequestId(), req))
	if err != nil {
		return nil, err
	}
	k, err := member.ParseKey(req.GetName(), accountsCollection)
	if err != nil {
		return nil, err
	}
	a, err := s.use.Rotate(ctx, member.Rotate{Key: k, Etag: req.GetEtag(), Lifetime: req.GetLifetime().AsDuration(), Request: again})
	if err != nil {
		return nil, err
	}
	return accountToProto(a), nil
}

// DeleteServiceAccount ends an account.
func (s *accountServer) DeleteServiceAccount(ctx context.Context, req *tenantv1.DeleteServiceAccountRequest) (*emptypb.Empty, error) {
	again, err := request(repeatable("DeleteServiceAccount", req.GetRequestId(), req))
	if err != nil {
		return nil, err
	}
	k, err := member.ParseKey(req.GetName(), accountsCollection)
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, s.use.Delete(ctx, member.Delete{Key: k, Etag: req.GetEtag(), Request: again})
}

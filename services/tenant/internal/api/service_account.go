package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/usecase"
)

type accountServer struct {
	tenantv1.UnimplementedServiceAccountServiceServer
	use *usecase.Accounts
}

func accountToProto(a member.Account) *tenantv1.ServiceAccount {
	return &tenantv1.ServiceAccount{
		Name: a.Name(), Uid: a.UID, DisplayName: a.DisplayName, Roles: convert.All(a.Roles, roleToProto), ClientId: a.ClientID, Subject: a.Subject,
		Secret: a.Secret, ExpireTime: convert.Time(a.ExpireTime), Expired: a.Expired, LastUseTime: convert.Time(a.LastUseTime),
		Etag: a.Etag(), CreateTime: convert.Time(a.CreateTime), UpdateTime: convert.Time(a.UpdateTime),
	}
}

// CreateServiceAccount makes an account.
func (s *accountServer) CreateServiceAccount(
	ctx context.Context, req *tenantv1.CreateServiceAccountRequest,
) (*tenantv1.ServiceAccount, error) {
	id, err := convert.Identity(ctx, req)
	if err != nil {
		return nil, err
	}
	scope, err := member.ParseScope(req.GetParent())
	if err != nil {
		return nil, nameIn("parent", err)
	}
	return shown[member.Account, tenantv1.ServiceAccount](s.use.Create(ctx, member.CreateAccount{
		Key: member.Key{Scope: scope, ID: req.GetServiceAccountId()}, DisplayName: req.GetServiceAccount().GetDisplayName(),
		Roles: convert.All(req.GetServiceAccount().GetRoles(), roleFromProto), Lifetime: req.GetLifetime().AsDuration(), Request: id,
	}))(accountToProto)
}

// GetServiceAccount reads one account.
func (s *accountServer) GetServiceAccount(ctx context.Context, req *tenantv1.GetServiceAccountRequest) (*tenantv1.ServiceAccount, error) {
	k, err := member.ParseKey(req.GetName(), accountsCollection)
	if err != nil {
		return nil, err
	}
	return shown[member.Account, tenantv1.ServiceAccount](s.use.Get(ctx, k))(accountToProto)
}

// ListServiceAccounts reads a page of accounts.
func (s *accountServer) ListServiceAccounts(
	ctx context.Context, req *tenantv1.ListServiceAccountsRequest,
) (*tenantv1.ListServiceAccountsResponse, error) {
	scope, err := member.ParseScope(req.GetParent())
	if err != nil {
		return nil, nameIn("parent", err)
	}
	page, err := s.use.List(ctx, scope, convert.List(ctx, req))
	if err != nil {
		return nil, err
	}
	return &tenantv1.ListServiceAccountsResponse{ServiceAccounts: convert.All(page.Items, accountToProto), NextPageToken: page.Next}, nil
}

// RotateServiceAccount makes a new secret.
func (s *accountServer) RotateServiceAccount(
	ctx context.Context, req *tenantv1.RotateServiceAccountRequest,
) (*tenantv1.ServiceAccount, error) {
	call, err := memberCall(ctx, req, "name", req.GetName(), accountsCollection)
	if err != nil {
		return nil, err
	}
	return shown[member.Account, tenantv1.ServiceAccount](s.use.Rotate(ctx, member.Rotate{
		Key: call.Key, Etag: req.GetEtag(), Lifetime: req.GetLifetime().AsDuration(), Request: call.Request,
	}))(accountToProto)
}

// DeleteServiceAccount removes an account.
func (s *accountServer) DeleteServiceAccount(ctx context.Context, req *tenantv1.DeleteServiceAccountRequest) (*emptypb.Empty, error) {
	in, err := memberCall(ctx, req, "name", req.GetName(), accountsCollection)
	if err != nil {
		return nil, err
	}
	in.Etag = req.GetEtag()
	return &emptypb.Empty{}, s.use.Delete(ctx, in)
}

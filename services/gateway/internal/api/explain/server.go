// Package explain says why a caller may not do something, and which role would let him. It asks no service.
package explain

import (
	"context"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	"github.com/low-layer/platform/libs/access"
	"google.golang.org/grpc"
)

// Server is AuthorizationService.
type Server struct {
	authzv1.UnimplementedAuthorizationServiceServer
	guard *access.Guard
}

// New makes a server; without a guard everybody may do everything.
func New(guard *access.Guard) *Server { return &Server{guard: guard} }

// Register makes the server known.
func (s *Server) Register(r grpc.ServiceRegistrar) { authzv1.RegisterAuthorizationServiceServer(r, s) }

// WhyDenied says whether the caller has a permission on a resource, and what he lacks.
func (s *Server) WhyDenied(ctx context.Context, r *authzv1.WhyDeniedRequest) (*authzv1.WhyDeniedResponse, error) {
	e, err := s.guard.Explain(ctx, r.GetPermission(), r.GetResource())
	if err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	out := &authzv1.WhyDeniedResponse{Allowed: e.Allowed, StepUpRequired: e.StepUp}
	for _, g := range e.Grants {
		out.Roles = append(out.Roles, &authzv1.RoleOnResource{Role: string(g.Role), Resource: g.Resource})
	}
	return out, nil
}

package authztest

import (
	"slices"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/identity/identitytest"
)

// Actor is one caller of the matrix.
type Actor struct {
	Name string
	// Token is what he sends; empty for none.
	Token string
	// Refused is the reason with which he is refused whatever he asks for.
	Refused string
	// Roles are those he holds on the tenant `own`, when he is of it.
	Roles []authz.Role
	// Elsewhere is true for the owner of the other tenant.
	Elsewhere bool
	// Operator is true for an operator of the platform.
	Operator bool
	// SteppedUp is true when a second factor confirmed his login.
	SteppedUp bool
}

// Actors are all possible callers, for their own tenant and another one.
func Actors(t testing.TB, i *identitytest.Issuer, own, foreign string) []Actor {
	t.Helper()
	of := func(tenant string, r authz.Role) []string { return []string{"/tenants/" + tenant + "/" + string(r)} }
	strong := identitytest.SteppedUp()
	ended := identitytest.Claims{"exp": i.Now().Add(-time.Hour).Unix()}
	program := identitytest.Claims{"client_id": "ci", "preferred_username": "service-account-ci", "acr": nil, "amr": nil, "auth_time": nil, "email": nil}
	var out []Actor
	for _, r := range authz.Roles() {
		out = append(out, Actor{Name: string(r), Token: i.Token(t, string(r), of(own, r)), Roles: []authz.Role{r}})
	}
	return append(
		out,
		Actor{Name: "owner with a second factor", Token: i.Token(t, "owner2", of(own, authz.Owner), strong), Roles: []authz.Role{authz.Owner}, SteppedUp: true},
		Actor{Name: "owner of another tenant", Token: i.Token(t, "foreign", of(foreign, authz.Owner), strong), Elsewhere: true, SteppedUp: true},
		Actor{Name: "nobody's member", Token: i.Token(t, "stray", nil, strong), SteppedUp: true},
		Actor{Name: "no token", Refused: identity.ReasonMissing},
		Actor{Name: "expired", Token: i.Token(t, "late", of(own, authz.Owner), strong, ended), Refused: identity.ReasonExpired},
		Actor{Name: "service account", Token: i.Token(t, "ci", of(own, authz.Operator), program), Roles: []authz.Role{authz.Operator}},
		Actor{Name: "platform operator", Token: i.Token(t, "staff", []string{"/platform/operator"}, strong), Operator: true, SteppedUp: true},
	)
}

// Expect is the reason with which an actor must be refused for a call about his own tenant, or about the platform; empty when
// he must not be.
func (a Actor) Expect(authorizer *authz.Authorizer, c Call, plan bool) string {
	if a.Refused != "" {
		return a.Refused
	}
	holders := authorizer.Holders(c.Permission, authz.Tenant)
	everybody := len(holders) == len(authz.Roles()) && c.Field == ""
	may := a.Operator || everybody || (c.Field == "" && c.Narrowed) ||
		(c.InTenant() && slices.ContainsFunc(a.Roles, func(r authz.Role) bool { return slices.Contains(holders, r) }))
	switch {
	case !may:
		return authz.ReasonDenied
	case c.StepUp && !a.SteppedUp && !plan:
		return authz.ReasonStepUp
	default:
		return ""
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/persona"
)

const blueprint = "deploy/blueprints/startup.yaml"

// Exit codes of the CLI, as `lowlayer help exit-codes` lists them.
const (
	exitNotFound = 3
	exitLogin    = 9
)

// story is the demo: a client gets in, and each member may do what its role allows and nothing else.
type story struct {
	narrator

	operator, owner, viewer, stranger *persona.Persona
}

func newStory(set settings, s *stack.Stack, out io.Writer) *story {
	st := &story{narrator: narrator{set: set, stack: s, out: out, folder: filepath.Join(s.Dir(), "logins")}}
	st.operator = st.meet(stack.OperatorEmail, stack.Password, "")
	return st
}

func (st *story) tell(ctx context.Context) error {
	if err := os.MkdirAll(st.folder, 0o700); err != nil {
		return fmt.Errorf("make the folder of logins: %w", err)
	}
	for _, chapter := range []struct {
		title string
		tell  func(context.Context) error
	}{
		{"The operator of the platform logs in, with a second factor", st.arrive},
		{"A client's infrastructure is ordered by one file", st.order},
		{"Two people of the client are given roles", st.invite},
		{"A viewer may look, and make nothing", st.look},
		{"To another client's owner this tenant does not exist", st.pry},
		{"The owner sees who reaches whom, and what an order would make", st.plan},
		{"A deletion takes a second factor, and leaves a proof", st.remove},
		{"Each second of use is counted, and the month's cost is known", st.account},
	} {
		st.heading(chapter.title)
		if err := chapter.tell(ctx); err != nil {
			return err
		}
	}
	return nil
}

// all runs commands that must succeed.
func (st *story) all(ctx context.Context, lines ...[]string) error {
	for _, args := range lines {
		if _, err := st.does(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func (st *story) arrive(ctx context.Context) error {
	if export := addressExport(st.stack); len(export) > 0 {
		say(st.out, "$ export %s", strings.Join(export, " "))
	}
	st.as(st.operator)
	if err := st.logsIn(ctx, "--mfa"); err != nil {
		return err
	}
	return st.all(ctx, []string{"whoami"})
}

func (st *story) order(ctx context.Context) error {
	return st.all(ctx, []string{"quote", "-f", blueprint}, []string{"apply", "-f", blueprint}, []string{"tree", "tenants/acme"}, []string{"vpc", "list", "tenants/acme/organisations/core"})
}

func (st *story) invite(ctx context.Context) (err error) {
	if st.owner, err = st.letIn(ctx, "tenants/acme", "ada@acme.test", "owner"); err != nil {
		return err
	}
	if st.viewer, err = st.letIn(ctx, "tenants/acme", "vic@acme.test", "viewer"); err != nil {
		return err
	}
	return st.all(ctx, []string{"member", "list", "tenants/acme"})
}

// letIn gives a new person a role, and returns the person.
func (st *story) letIn(ctx context.Context, tenant, email, role string) (*persona.Persona, error) {
	said, err := st.does(ctx, "member", "add", tenant, email, "--role", role)
	if err != nil {
		return nil, err
	}
	first := persona.FirstPassword(said)
	if first == "" {
		return nil, fmt.Errorf("%s was given no first password", email)
	}
	return st.meet(email, first, stack.Password), nil
}

func (st *story) look(ctx context.Context) error {
	st.as(st.viewer)
	if err := st.logsIn(ctx); err != nil {
		return err
	}
	if err := st.all(ctx, []string{"vpc", "list", "acme"}); err != nil {
		return err
	}
	_, err := st.refused(ctx, exitLogin, "operator, admin or owner on tenants/acme/organisations/core", "vpc", "create", "acme/core/mine")
	return err
}

// requestID differs from answer to answer.
var requestID = regexp.MustCompile(`req_\w+`)

func (st *story) pry(ctx context.Context) (err error) {
	st.as(st.operator)
	if err := st.all(ctx, []string{"tenant", "create", "globex"}); err != nil {
		return err
	}
	if st.stranger, err = st.letIn(ctx, "tenants/globex", "eve@globex.test", "owner"); err != nil {
		return err
	}
	st.as(st.stranger)
	if err := st.logsIn(ctx); err != nil {
		return err
	}
	if err := st.all(ctx, []string{"tenant", "list"}); err != nil {
		return err
	}
	theirs, err := st.refused(ctx, exitNotFound, "tenants/acme", "tenant", "get", "acme")
	if err != nil {
		return err
	}
	none, err := st.refused(ctx, exitNotFound, "tenants/none", "tenant", "get", "none")
	if err != nil {
		return err
	}
	theirs = strings.ReplaceAll(requestID.ReplaceAllString(theirs, ""), "acme", "none")
	if none = requestID.ReplaceAllString(none, ""); theirs != none {
		return fmt.Errorf("a tenant of others returns %q, an absent one %q", theirs, none)
	}
	say(st.out, "  (the demo has compared: but for the name and the request id it is the same response)")
	return nil
}

func (st *story) plan(ctx context.Context) error {
	st.as(st.owner)
	if err := st.logsIn(ctx); err != nil {
		return err
	}
	if err := st.waitsFor(ctx, proven, "isolation", "report", "acme"); err != nil {
		return err
	}
	return st.all(ctx, []string{"vpc", "create", "acme/core/trial", "--plan"})
}

// verifiedPairs is the beginning of an isolation report that proves something.
var verifiedPairs = regexp.MustCompile(`^VERIFIED: .*\n[1-9]\d* pairs of networks, `)

// proven is true when an isolation report covers all orders: OpenStack is observed a few seconds later. A report that is
// empty or violated is an error.
func proven(report string) (bool, error) {
	if strings.HasPrefix(report, "UNSETTLED: ") {
		return false, nil
	}
	if !verifiedPairs.MatchString(report) {
		return false, errors.New("the isolation report of acme must verify pairs of networks")
	}
	return true, nil
}

func (st *story) remove(ctx context.Context) error {
	if err := st.all(ctx, []string{"vpc", "create", "acme/core/trial", "--quiet"}); err != nil {
		return err
	}
	remove := []string{"vpc", "delete", "acme/core/trial", "--yes"}
	if _, err := st.refused(ctx, exitLogin, "lowlayer login --mfa", remove...); err != nil {
		return err
	}
	if err := st.logsIn(ctx, "--mfa"); err != nil {
		return err
	}
	if err := st.all(ctx, remove); err != nil {
		return err
	}
	said, err := st.does(ctx, "receipt", "list", "acme", "-o", "name", "--filter", `resource = "tenants/acme/organisations/core/vpcs/trial"`)
	if err != nil {
		return err
	}
	proof, keys := filepath.Join(st.folder, "receipt.json"), filepath.Join(st.folder, "keys.pem")
	if err := st.writes(ctx, proof, "receipt", "get", strings.TrimSpace(said), "-o", "json"); err != nil {
		return err
	}
	if err := st.writes(ctx, keys, "receipt", "keys"); err != nil {
		return err
	}
	say(st.out, "  (from here on no network is needed: a receipt is verified by the public key alone)")
	return st.all(ctx, []string{"receipt", "verify", proof, "--key", keys})
}

func (st *story) account(ctx context.Context) error {
	if err := st.waitsFor(ctx, forecast, "cost", "acme", "--by", "vpc"); err != nil {
		return err
	}
	return st.all(ctx, []string{"usage", "acme", "--by", "vpc"})
}

// forecast reports whether a cost has the forecast of the month: usage arrives within seconds of the change.
func forecast(cost string) (bool, error) {
	return strings.Contains(cost, "acme/core/prod") && strings.Contains(cost, "forecast of the month"), nil
}

// end prints the addresses and the logins.
func (st *story) end() {
	say(st.out, "")
	st.set.printPlaces(st.out, st.stack, append(addressExport(st.stack), "LOWLAYER_CREDENTIALS="+st.operator.Credentials))
	say(st.out, "\nThe others have the password %s too, and their logins beside the operator's:", stack.Password)
	for _, p := range []struct {
		who  *persona.Persona
		role string
	}{{st.owner, "owner of acme"}, {st.viewer, "viewer of acme"}, {st.stranger, "owner of globex"}} {
		say(st.out, "  %-16s %-16s %s", p.who.Email, p.role, p.who.Credentials)
	}
}

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
)

// The pause before a stream is opened again grows from the first to the last while nothing arrives.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
)

func (a *app) watchCommand() *cobra.Command {
	req := &watchv1.WatchTenantRequest{}
	cmd := &cobra.Command{
		Use: "watch [TENANT]", Short: "Show the resources of a tenant and every change as it comes, one a line, until Ctrl-C",
		Long: `watch shows the resources of a tenant, and then every change and the progress of operations as they come. After a broken
connection or a renewed login it goes on where it was, without a gap and in the same order. At its end it prints a token
for --since, which goes on from there for seven days. Without TENANT it watches the only one you see.

A change that makes no difference to the line above it is left out; -o json, yaml and name show each.`,
		Example: "  lowlayer watch acme\n  lowlayer watch acme --within acme/core --type vpc,operation -o json",
		Args:    atMost(1), ValidArgsFunction: a.completeTenants,
	}
	var within string
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		api, err := a.dial()
		if err != nil {
			return err
		}
		if req.Name, err = a.watched(cmd.Context(), api, args); err != nil {
			return err
		}
		if within != "" {
			if req.Within, err = withinName(within); err != nil {
				return err
			}
		}
		if req.GetWithin() != "" && req.GetResumeToken() == "" {
			a.noteAbsent(cmd.Context(), api, req.GetWithin())
		}
		w := &watcher{a: a, api: api, req: req}
		err = w.run(cmd.Context())
		if w.begun && req.GetResumeToken() != "" { // a token that the platform accepted or returned
			a.note("To go on from here: lowlayer watch %s --since %s%s", lastPart(req.GetName()), req.GetResumeToken(), filters(within, req.GetTypes()))
		}
		if err != nil {
			return fmt.Errorf("watch %s: %w", req.GetName(), err)
		}
		return nil
	}
	cmd.Flags().StringVar(&req.ResumeToken, "since", "", "token to go on from, printed at the end of an earlier watch")
	cmd.Flags().StringVar(&within, "within", "", "only what lies in this organisation or VPC, and operations on it")
	cmd.Flags().StringSliceVar(&req.Types, "type", nil, "only these types")
	fixed(cmd, "type", "tenant", "organisation", "member", "serviceAccount", "hub", "vpc", "peering", "operation")
	return cmd
}

// filters are the flags of a watch that chooses.
func filters(within string, types []string) (flags string) {
	if within != "" {
		flags += " --within " + within
	}
	if len(types) > 0 {
		flags += " --type " + strings.Join(types, ",")
	}
	return flags
}

// withinName is the name of an organisation or a VPC.
func withinName(s string) (string, error) {
	if name, err := organisationName(s); err == nil {
		return name, nil
	}
	return vpcName(s)
}

// noteAbsent warns when the place of --within does not exist: its stream is silent until it does.
func (a *app) noteAbsent(ctx context.Context, api *client, name string) {
	var err error
	if depth(name) > 1 {
		_, err = getOf[*networkv1.Vpc](ctx, api, name)
	} else {
		_, err = getOf[*tenantv1.Organisation](ctx, api, name)
	}
	if statusOf(err).Code() == codes.NotFound {
		a.note("There is no %s, or you may not see it: nothing is shown until it exists. Is the name right?", name)
	}
}

// watched returns the named tenant, or the only one.
func (a *app) watched(ctx context.Context, api *client, args []string) (string, error) {
	if len(args) == 1 {
		return tenantName(args[0])
	}
	return onlyTenant(ctx, api, "name the tenant to watch: lowlayer watch TENANT")
}

// onlyTenant returns the only tenant that the person sees; advice is the remedy when there are others.
func onlyTenant(ctx context.Context, api *client, advice string) (string, error) {
	r, err := api.tenants.ListTenants(ctx, &tenantv1.ListTenantsRequest{PageSize: 2})
	if err != nil {
		return "", fmt.Errorf("look for the only tenant: %w", err)
	}
	if len(r.GetTenants()) != 1 {
		return "", usageError{errors.New(advice + "; see `lowlayer tenant list`")}
	}
	return r.GetTenants()[0].GetName(), nil
}

// watcher follows one tenant over as many streams as it takes.
type watcher struct {
	a   *app
	api *client
	req *watchv1.WatchTenantRequest
	// silent counts streams in a row that ended before a message; begun is true after the first message.
	silent int
	begun  bool
	headed bool
	// last is the line that was written last, without its time.
	last string
}

// run ends with the context or with an error that does not end by itself.
func (w *watcher) run(ctx context.Context) error {
	for {
		err := w.stream(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the person ended it
		}
		switch reason := reasonOf(err); {
		case reason == "WATCH_EXPIRED" && w.req.GetResumeToken() != "":
			w.a.note("The changes since then are not kept any more. From the beginning:")
			w.req.ResumeToken = ""
		case reason == "TOKEN_EXPIRED" && w.silent == 0, err == nil, passing(err) && w.begun:
			if w.silent == 1 {
				w.a.note("The platform does not respond (%s). The watch goes on as soon as it does.", statusOf(err).Message())
			}
		default:
			return err
		}
		pause(ctx, min(firstPause<<min(w.silent, 8), lastPause))
		w.silent++
	}
}

// stream follows one stream to its end.
func (w *watcher) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := w.api.watch.WatchTenant(ctx, w.req)
	if err != nil {
		return err
	}
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		w.silent, w.begun = 0, true
		if m.GetKind() != watchv1.WatchTenantResponse_BOOKMARK {
			if err := w.show(m); err != nil {
				return err
			}
		}
		// The token moves on only after the change was shown.
		if m.GetResumeToken() != "" {
			w.req.ResumeToken = m.GetResumeToken()
		}
	}
}

// show writes one change.
func (w *watcher) show(m *watchv1.WatchTenantResponse) error {
	switch w.a.output {
	case "yaml":
		w.a.println("---")
	case "json": // an object a line
		data, err := encoded(m)
		if err != nil {
			return err
		}
		var line bytes.Buffer
		if err := json.Compact(&line, data); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		w.a.println(line.String())
		return w.a.out.err
	}
	return w.a.show([]string{m.GetName()}, func() { w.draw(m) }, m)
}

// draw writes a change as a line of a table, unless it repeats the line above.
func (w *watcher) draw(m *watchv1.WatchTenantResponse) {
	if !w.headed {
		w.headed = true
		w.a.printf("%-9s %-9s %-14s %-28s %s", "TIME", "CHANGE", "TYPE", "STATE", "NAME")
	}
	line := escapeLine(fmt.Sprintf("%-9s %-14s %-28s %s", m.GetKind(), m.GetType(), stateOf(m), m.GetName()))
	if line == w.last {
		return
	}
	w.last = line
	at := time.Now()
	if m.GetChangeTime().IsValid() {
		at = m.GetChangeTime().AsTime()
	}
	w.a.printf("%-9s %s", at.Local().Format(time.TimeOnly), line)
}

// stateOf is the state of a resource, or the progress of an operation.
func stateOf(m *watchv1.WatchTenantResponse) string {
	resource, err := m.GetResource().UnmarshalNew()
	if err != nil {
		return "-"
	}
	switch r := resource.(type) {
	case *longrunningpb.Operation:
		meta := metadataOf(r)
		switch {
		case r.GetError() != nil:
			return fmt.Sprintf("%s ended: %s", meta.GetVerb(), codes.Code(r.GetError().GetCode())) //nolint:gosec // a code of gRPC
		case r.GetDone():
			return meta.GetVerb() + " done"
		case meta.GetBlockage() != nil:
			return meta.GetVerb() + " blocked: " + meta.GetBlockage().GetReason()
		default:
			return fmt.Sprintf("%s %d%% (%d/%d)", meta.GetVerb(), meta.GetProgressPercent(), meta.GetStepsDone(), meta.GetStepCount())
		}
	case interface {
		GetState() typev1.State
		GetBlockage() *typev1.Blockage
	}:
		return stateWord(r.GetState(), r.GetBlockage())
	default:
		return "-"
	}
}

// reasonOf is the reason of an error of the platform; empty when it has none.
func reasonOf(err error) string {
	for _, d := range statusOf(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

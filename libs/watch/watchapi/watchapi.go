// Package watchapi serves the changes in the tenants of one service: lowlayer.watch.v1.WatchService.
//
// A stream sends every change of the log in order, as far as its caller may read the resource by its Get method now.
// Each message beyond a snapshot says where to go on. A resource is read when its message is sent: it is as that change
// left it, or as a later one did. A resource that is gone by then is sent as deleted, and again when its deletion is
// reached. Operations that expire are not sent: they go with age alone.
//
// The server keeps nothing for a consumer. A slow one gets its messages later. A consumer that was away for too long, or
// whose place is from before a restore or failover, must begin anew (WATCH_EXPIRED). A stream ends with its caller's
// token (UNAUTHENTICATED), with its tenant (NOT_FOUND), and when the server drains (UNAVAILABLE). A role that a caller
// loses while his token is good ends with the token, as everywhere.
package watchapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/watch"
	"github.com/low-layer/platform/libs/watch/resume"
)

// Item is a resource as it is.
type Item struct {
	Name string
	// Subject is the resource that decides access to it; Name when empty.
	Subject string
	Message proto.Message
}

// Kind is a type of resources that is watched.
type Kind struct {
	// Type is its name in the log and in messages.
	Type string
	// Permission is what its Get method needs.
	Permission string
	// Get reads a resource as the Get method does; NOT_FOUND when it is gone.
	Get func(ctx context.Context, name string) (proto.Message, error)
	// List returns a page of the resources of a tenant, by its id, and the token of the next.
	List func(ctx context.Context, tenant, token string) (items []Item, next string, err error)
	// Fades is true for resources that expire with age alone; their end is not sent.
	Fades bool
}

// Config is the server's; all but Tenants must be set.
type Config struct {
	// Service is the name of the service.
	Service string
	Log     *watch.Log
	Kinds   []Kind
	// Tenants returns nil for an existing tenant, otherwise NOT_FOUND that names it. Only the service that owns tenants
	// has it.
	Tenants func(ctx context.Context, tenant resourcename.Tenant) error
	// Sees reports whether the caller has a permission on a resource.
	Sees func(ctx context.Context, permission, resource string) bool
	// Heartbeat is how long a stream is silent at most, and Poll how often the log is looked at without being woken; 8 and 4
	// seconds when 0.
	Heartbeat, Poll time.Duration
}

const (
	defaultHeartbeat = 8 * time.Second
	defaultPoll      = 4 * time.Second
	// batch is how many changes are read at once.
	batch = 100
)

// Server implements the service.
type Server struct {
	watchv1.UnimplementedWatchServiceServer
	cfg   Config
	kinds map[string]Kind
}

// New makes a server.
func New(cfg Config) *Server {
	if cfg.Heartbeat <= 0 {
		cfg.Heartbeat = defaultHeartbeat
	}
	if cfg.Poll <= 0 {
		cfg.Poll = defaultPoll
	}
	s := &Server{cfg: cfg, kinds: make(map[string]Kind)}
	for _, k := range cfg.Kinds {
		s.kinds[k.Type] = k
	}
	return s
}

// stream is what the server sends to.
type stream interface {
	Context() context.Context
	Send(m *watchv1.WatchTenantResponse) error
}

// WatchTenant streams the changes of a tenant.
func (s *Server) WatchTenant(req *watchv1.WatchTenantRequest, to watchv1.WatchService_WatchTenantServer) error {
	return s.watch(req, to)
}

func (s *Server) watch(req *watchv1.WatchTenantRequest, to stream) error {
	tenant, err := resourcename.ParseTenant(req.GetName())
	if err != nil {
		return err
	}
	if w := req.GetWithin(); w != "" && w != tenant.String() && !strings.HasPrefix(w, tenant.String()+"/") {
		return errs.Invalid(errs.Field("within", "lies in another tenant; give a resource of %s, or leave it out", tenant))
	}
	ctx, cancel := untilTokenEnds(to.Context())
	defer cancel()
	w := &watcher{Server: s, req: req, to: to, tenant: tenant}
	err = w.run(ctx)
	if cause, ok := errs.As(context.Cause(ctx)); ok && ctx.Err() != nil {
		return cause
	}
	return err
}

// untilTokenEnds is a context that ends with the token of the caller.
func untilTokenEnds(ctx context.Context) (context.Context, context.CancelFunc) {
	p, ok := identity.From(ctx)
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, p.Expiry, errs.New(errs.Unauthenticated, identity.ReasonExpired,
		"the token that opened this stream has ended; open it again with a new token and the last resume_token"))
}

// watcher is one stream.
type watcher struct {
	*Server
	req    *watchv1.WatchTenantRequest
	to     stream
	tenant resourcename.Tenant
	// at is behind the last change that was sent or skipped; sent is the time of the last message.
	at   watch.Place
	sent time.Time
}

func (w *watcher) run(ctx context.Context) error {
	// Followed before anything is read: what changes from here on wakes.
	wake, stop := w.cfg.Log.Follow(w.tenant.Tenant)
	defer stop()
	if w.cfg.Tenants != nil {
		if err := w.cfg.Tenants(ctx, w.tenant); err != nil {
			return err
		}
	}
	if err := w.begin(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(w.cfg.Poll)
	defer timer.Stop()
	for {
		more, err := w.tell(ctx)
		if err != nil {
			return err
		}
		if time.Since(w.sent) >= w.cfg.Heartbeat {
			if err := w.bookmark(w.token(), false); err != nil {
				return err
			}
		}
		if more {
			continue
		}
		timer.Reset(w.cfg.Poll)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-wake:
		case <-timer.C:
		}
	}
}

// begin finds the place of the resume token, or sends a snapshot.
func (w *watcher) begin(ctx context.Context) error {
	if text := w.req.GetResumeToken(); text != "" {
		token, err := resume.Parse(text, w.tenant.Tenant)
		if err != nil {
			return err
		}
		at, ok := token.Of(w.cfg.Service)
		if !ok {
			return resume.Expired()
		}
		// Checked before the first message, so that the refusal is the response.
		if _, err := w.after(ctx, at, 1); err != nil {
			return err
		}
		w.at = at
		return w.bookmark(w.token(), false)
	}
	var err error
	if w.at, err = w.cfg.Log.Last(ctx, w.tenant.Tenant); err != nil {
		return err
	}
	if err := w.bookmark("", false); err != nil {
		return err
	}
	for _, k := range w.cfg.Kinds {
		if err := w.snapshot(ctx, k); err != nil {
			return err
		}
	}
	return w.bookmark(w.token(), true)
}

func (w *watcher) snapshot(ctx context.Context, k Kind) error {
	if !w.wantsType(k.Type) {
		return nil
	}
	for token := ""; ; {
		items, next, err := k.List(ctx, w.tenant.Tenant, token)
		if errs.CodeOf(err) == errs.CodeNotFound {
			return nil // the service has nothing of the tenant yet
		}
		if err != nil {
			return fmt.Errorf("list what is watched: %w", err)
		}
		for _, i := range items {
			subject := i.Subject
			if subject == "" {
				subject = i.Name
			}
			if !w.wants(ctx, k, subject) {
				continue
			}
			m := &watchv1.WatchTenantResponse{Kind: watchv1.WatchTenantResponse_SNAPSHOT, Type: k.Type, Name: i.Name}
			if err := w.send(m, i.Message); err != nil {
				return err
			}
		}
		if token = next; token == "" {
			return nil
		}
	}
}

func (w *watcher) after(ctx context.Context, at watch.Place, limit int) ([]watch.Change, error) {
	changes, err := w.cfg.Log.After(ctx, w.tenant.Tenant, at, limit)
	if errors.Is(err, watch.ErrExpired) {
		return nil, resume.Expired()
	}
	return changes, err
}

// tell sends changes, and returns whether there may be more.
func (w *watcher) tell(ctx context.Context) (more bool, err error) {
	changes, err := w.after(ctx, w.at, batch)
	if err != nil {
		return false, err
	}
	read := make(map[string]proto.Message)
	for _, c := range changes {
		if err := w.change(ctx, c, read); err != nil {
			return false, err
		}
	}
	return len(changes) == batch, nil
}

// change sends one change; read holds what was read for those before it.
func (w *watcher) change(ctx context.Context, c watch.Change, read map[string]proto.Message) error {
	w.at.Sequence = c.Sequence
	k, watched := w.kinds[c.Type]
	gone := c.Name == w.tenant.String() && c.Kind == watch.Deleted
	if watched && w.wantsType(c.Type) && w.wants(ctx, k, c.Subject) {
		if err := w.changed(ctx, k, c, read); err != nil {
			return err
		}
	}
	if gone {
		return errs.NotFound("tenant", w.tenant.String())
	}
	return nil
}

func (w *watcher) changed(ctx context.Context, k Kind, c watch.Change, read map[string]proto.Message) error {
	m := &watchv1.WatchTenantResponse{
		Kind: watchv1.WatchTenantResponse_Kind(watchv1.WatchTenantResponse_Kind_value[string(c.Kind)]),
		Type: c.Type, Name: c.Name, Sequence: c.Sequence, ChangeTime: timestamppb.New(c.Time), ResumeToken: w.token(),
	}
	if c.Kind == watch.Deleted {
		return w.send(m, nil)
	}
	message, known := read[c.Name]
	if !known {
		var err error
		message, err = k.Get(ctx, c.Name)
		if err != nil && errs.CodeOf(err) != errs.CodeNotFound {
			return fmt.Errorf("read what changed: %w", err)
		}
		if err != nil {
			message = nil
		}
		read[c.Name] = message
	}
	if message == nil {
		if k.Fades {
			return nil
		}
		m.Kind = watchv1.WatchTenantResponse_DELETED
	}
	return w.send(m, message)
}

// wantsType is true for types that were asked for.
func (w *watcher) wantsType(t string) bool {
	return len(w.req.GetTypes()) == 0 || slices.Contains(w.req.GetTypes(), t)
}

// wants is true for what was asked for and may be seen.
func (w *watcher) wants(ctx context.Context, k Kind, subject string) bool {
	if within := w.req.GetWithin(); within != "" && subject != within && !strings.HasPrefix(subject, within+"/") {
		return false
	}
	return w.cfg.Sees(ctx, k.Permission, subject)
}

func (w *watcher) token() string {
	return resume.New(w.tenant.Tenant, map[string]resume.Place{w.cfg.Service: w.at}).String()
}

func (w *watcher) bookmark(token string, done bool) error {
	return w.send(&watchv1.WatchTenantResponse{Kind: watchv1.WatchTenantResponse_BOOKMARK, ResumeToken: token, SnapshotDone: done}, nil)
}

func (w *watcher) send(m *watchv1.WatchTenantResponse, resource proto.Message) error {
	m.Service = w.cfg.Service
	if resource != nil {
		packed, err := anypb.New(resource)
		if err != nil {
			return fmt.Errorf("pack %s: %w", m.GetName(), err)
		}
		m.Resource = packed
	}
	if err := w.to.Send(m); err != nil {
		return err
	}
	w.sent = time.Now()
	return nil
}

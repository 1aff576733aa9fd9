// Package app wires the network service, top to bottom.
package app

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/drift"
	"github.com/low-layer/platform/libs/host"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/watch/watchapi"
	"github.com/low-layer/platform/services/network/internal/api"
	cloud "github.com/low-layer/platform/services/network/internal/cloud/openstack"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
	"github.com/low-layer/platform/services/network/internal/provision"
	"github.com/low-layer/platform/services/network/internal/reconcile"
	"github.com/low-layer/platform/services/network/internal/store"
	"github.com/low-layer/platform/services/network/internal/usecase"
)

const name = "network"

// Program is the service's command line.
func Program() host.Command { return host.Program(name, store.Migrations, New) }

// App is the wired service.
type App struct {
	*host.Host
	Drift *drift.Loop
	// Isolation observes which resources reach one another.
	Isolation *reconcile.Isolation
}

// New wires the service.
func New(ctx context.Context, cfg Config, o host.Options) (_ *App, err error) {
	h, err := host.New(ctx, name, cfg.Config, host.Records{
		Owner: store.TenantUID, Since: store.TenantSince, Limits: cfg.Quotas(), Known: store.Known, Taken: store.Taken,
	}, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close())
		}
	}()
	fabric := cloud.New(h.Cloud)
	shared := neutron.Recall(neutron.InTurn(fabric, store.NewTurns(h.Pool)))
	messages := provision.Messages{Hub: hubMessage, Vpc: vpcMessage, Peering: peeringMessage}
	rows := store.New(h.Pool, o.Clock, h.Tokens)
	records := usecase.NewSettlements(rows, usecase.Messages(messages), h.Ledger)
	kit := provision.New(shared, records, messages)
	if err = h.Provision(kit.Kinds()); err != nil {
		return nil, err
	}
	api.Register(h.Server.Registrar(), usecase.New(records, h.Engine, h.Trail), h.Findings)
	h.Serve(nil, watched(rows)...)
	h.Consume(records.Handlers(), "tenant")

	a := &App{Host: h}
	a.Drift = h.Drift(cfg.DriftInterval, true, drift.Config{Age: cfg.DriftAge, Snapshot: reconcile.Snapshot(fabric, h.Engine)})
	a.Isolation = reconcile.NewIsolation(reconcile.IsolationConfig{
		Cloud: fabric, Engine: h.Engine, Records: records, Pool: h.Pool, Clock: o.Clock, Logger: o.Logger,
		Interval: cfg.IsolationInterval, Age: cfg.Settle,
	})
	h.Part("isolation", func(ctx context.Context) error { a.Isolation.Run(ctx); return nil })
	return a, nil
}

func hubMessage(h hub.Hub) proto.Message             { return api.HubMessage(h) }
func vpcMessage(v vpc.Vpc) proto.Message             { return api.VpcMessage(v) }
func peeringMessage(p peering.Peering) proto.Message { return api.PeeringMessage(p) }

// watched lists the resources whose changes the service streams.
func watched(s *store.Store) []watchapi.Kind {
	list := func(tenant, token string) resource.List {
		return resource.List{Method: "WatchTenant", Parent: tenant, Size: watchapi.Page, Token: token}
	}
	return []watchapi.Kind{
		watchapi.Resource[resourcename.Hub, hub.Hub]{
			Type: hub.Kind, Permission: "network.hubs.get", Parse: resourcename.ParseHub, Get: s.GetHub, Message: hubMessage,
			Name: func(h hub.Hub) string { return h.Name.String() },
			List: func(ctx context.Context, tenant, _ string) ([]hub.Hub, string, error) {
				hubs, err := s.HubsOf(ctx, tenant)
				return hubs, "", err
			},
		}.Kind(),
		watchapi.Resource[resourcename.Vpc, vpc.Vpc]{
			Type: vpc.Kind, Permission: "network.vpcs.get", Parse: resourcename.ParseVpc, Get: s.GetVpc, Message: vpcMessage,
			Name: func(v vpc.Vpc) string { return v.Name.String() },
			List: func(ctx context.Context, tenant, token string) ([]vpc.Vpc, string, error) {
				page, err := s.ListVpcs(ctx, resourcename.Organisation{Tenant: tenant, Organisation: resourcename.Wildcard}, list(tenant, token))
				return page.Items, page.Next, err
			},
		}.Kind(),
		watchapi.Resource[resourcename.Peering, peering.Peering]{
			Type: peering.Kind, Permission: "network.peerings.get", Parse: resourcename.ParsePeering, Get: s.GetPeering, Message: peeringMessage,
			Name: func(p peering.Peering) string { return p.Name.String() },
			List: func(ctx context.Context, tenant, token string) ([]peering.Peering, string, error) {
				page, err := s.ListPeerings(ctx, resourcename.Tenant{Tenant: tenant}, list(tenant, token))
				return page.Items, page.Next, err
			},
		}.Kind(),
	}
}

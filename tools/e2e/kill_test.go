package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/durationpb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/libs/sample"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// TestKill_eachStep_operationsEnd kills the service of a VPC, an organisation or a tenant by SIGKILL at every step of its creation and
// removal: before the call, after it, and after its result is committed.
func TestKill_eachStep_operationsEnd(t *testing.T) {
	p := mortal.use(t)
	holds := func(uid string) map[string]int {
		_, unique, _ := strings.Cut(uid, "_") // tags hold all of it, names what makes it unique
		return p.Inventory(t, unique)
	}
	for _, k := range []struct {
		kind string
		make func() *stacktest.Killer
	}{
		{"vpc", func() *stacktest.Killer { return stacktest.NewKiller(t, p, "killers", holds) }},
		{"organisation", func() *stacktest.Killer { return stacktest.NewOrganisationKiller(t, p, "orderers", holds) }},
		{"tenant", func() *stacktest.Killer { return stacktest.NewTenantKiller(t, p, holds) }},
	} {
		t.Run(k.kind, func(t *testing.T) { killEveryStep(t, k.make(), k.kind) })
	}
	// The networks of the organisations carry ids of their own.
	for _, word := range []string{"model", "organisation-", "tenant-"} {
		if left := p.Inventory(t, word); len(left) > 0 {
			t.Errorf("the cloud still holds %v of %s", left, word)
		}
	}
}

func killEveryStep(t *testing.T, k *stacktest.Killer, kind string) {
	t.Helper()
	creates, deletes := k.Points(t)
	creates, deletes = sample.Third(t, creates), sample.Third(t, deletes)
	for i := range max(len(creates), len(deletes)) {
		create, remove := creates[i%len(creates)], deletes[i%len(deletes)]
		k.Arm(t, create)
		k.Life(t, fmt.Sprintf("%s-%d", kind, i), create, remove)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d deaths while creating, %d while deleting; the slowest operation ended %s after the service was back",
		len(creates), len(deletes), k.Slowest.Round(time.Millisecond))
}

// TestKill_anyService_ordersEnd kills random services by SIGKILL while organisations are created and removed.
func TestKill_anyService_ordersEnd(t *testing.T) {
	s := mortal.use(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s.Must(t, "tenant", "create", "chaos")
	operations := operationv1.NewOperationServiceClient(stacktest.Dial(t, s.Addresses().Gateway))
	kill := func() {
		all := registry.Names(registry.All())
		victim := all[random.IntN(len(all))]
		timer := time.NewTimer(time.Duration(random.IntN(600)) * time.Millisecond)
		<-timer.C
		if err := s.Kill(t.Context(), victim); err != nil {
			t.Fatal(err)
		}
		if err := s.Restart(t.Context(), victim); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		id := fmt.Sprintf("chaos/org-%d", round)
		create := strings.TrimSpace(s.Must(t, "organisation", "create", id, "--mode", "MUTUALIZED", "--vpc", "dev", "--vpc", "prod", "--async"))
		kill()
		kill()
		finishOperation(t, operations, create)
		tree := treeOf(t, s, "chaos")
		i := slices.IndexFunc(tree.Organisations, func(o organisation) bool {
			return strings.HasSuffix(o.Name, id[len("chaos/"):])
		})
		if i < 0 || tree.Organisations[i].State != "ACTIVE" || len(tree.Organisations[i].Vpcs) != 2 {
			t.Fatalf("got %+v", tree)
		}
		remove := strings.TrimSpace(s.Must(t, "organisation", "delete", id, "--yes", "--force", "--purge", "--async"))
		kill()
		finishOperation(t, operations, remove)
	}
	s.Must(t, "tenant", "delete", "chaos", "--yes", "--purge")
	if left := s.Inventory(t, "chaos"); len(left) > 0 {
		t.Errorf("the cloud still holds %v", left)
	}
}

// finishOperation waits for an operation, asking again while the gateway is down.
func finishOperation(t *testing.T, operations operationv1.OperationServiceClient, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stacktest.Convergence)
	defer cancel()
	var last error
	for ctx.Err() == nil {
		op, err := operations.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(5 * time.Second)})
		if err == nil && op.GetDone() {
			if op.GetError() != nil {
				t.Fatalf("%s ended with %v", name, op.GetError())
			}
			return
		}
		last = err
	}
	t.Fatalf("%s has not ended within %s: %v", name, stacktest.Convergence, last)
}

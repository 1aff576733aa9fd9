package provision_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

// order accepts the creation of a garden and inserts its row, in one transaction.
func (r *rig) order(ctx context.Context, e *provision.Engine, uid string) (op *provision.Operation, err error) {
	err = pg.InTx(ctx, r.pool, func(ctx context.Context, tx pgx.Tx) error {
		c := cloudfake.Change(uid, "create", provision.Creating)
		if _, err := tx.Exec(ctx, `INSERT INTO gardens (uid, name, size, beds) VALUES ($1, $2, 1, '{}')`, uid, c.Name); err != nil {
			return err
		}
		op, err = e.Accept(ctx, tx, c)
		return err
	})
	return op, err
}

func TestAcceptRefuses(t *testing.T) {
	r := newRig(t)
	e := r.idle()
	accept := func(c provision.Change) error {
		return pg.InTx(t.Context(), r.pool, func(ctx context.Context, tx pgx.Tx) error {
			_, err := e.Accept(ctx, tx, c)
			return err
		})
	}
	good := cloudfake.Change("garden_1", "create", provision.Creating)
	if err := accept(good); err != nil {
		t.Fatalf("accept: %v", err)
	}
	namesake := good
	namesake.UID = "garden_2"
	wantReason(t, accept(namesake), "GARDEN_EXISTS")
	for name, spoil := range map[string]func(*provision.Change){
		"kind":      func(c *provision.Change) { c.Kind = "castle" },
		"uid":       func(c *provision.Change) { c.UID = "" },
		"tenant":    func(c *provision.Change) { c.Tenant = "tenants/acme" },
		"verb":      func(c *provision.Change) { c.Verb = "" },
		"transient": func(c *provision.Change) { c.Transient = "" },
		"final":     func(c *provision.Change) { c.Final = "" },
		"word":      func(c *provision.Change) { c.Transient = "SOMEHOW" },
	} {
		c := good
		c.UID, c.Name = "garden_3", "three"
		spoil(&c)
		if err := accept(c); err == nil {
			t.Errorf("accepted a change with a bad %s", name)
		}
	}
	if n := query[int](r, `SELECT count(*) FROM provision_resources`); n != 1 {
		t.Errorf("%d resources", n)
	}
}

func TestNewRefuses(t *testing.T) {
	r := newRig(t)
	for name, spoil := range map[string]func(*provision.Config){
		"service":  func(c *provision.Config) { c.Service = "Garden 1" },
		"pool":     func(c *provision.Config) { c.Pool = nil },
		"kind":     func(c *provision.Config) { c.Kinds = []provision.AnyKind{provision.Kind[int]{Name: "x"}} },
		"namesake": func(c *provision.Config) { c.Kinds = []provision.AnyKind{r.kind, r.kind} },
	} {
		cfg := r.cfg
		spoil(&cfg)
		if _, err := provision.New(cfg); err == nil {
			t.Errorf("built an engine with a bad %s", name)
		}
	}
}

func TestPrune(t *testing.T) {
	r := newRig(t)
	now := clock.NewFake(time.Now())
	r.cfg.Clock = now
	e, stop := r.run()
	op, err := r.order(t.Context(), e, r.uid)
	if err != nil {
		t.Fatalf("order: %v", err)
	}
	// The clock stands still: only time moves what waits for time.
	r.until("the creation", func() bool { now.Advance(10 * time.Millisecond); return r.get(e, op).Done() })
	deletion := r.delete(e)
	r.until("the deletion", func() bool { now.Advance(10 * time.Millisecond); return r.get(e, deletion).Done() })
	stop()
	if n := query[int](r, `SELECT count(*) FROM provision_receipts`); n != len(whole) {
		t.Fatalf("%d receipts", n)
	}
	now.Advance(91 * 24 * time.Hour)
	r.run()
	for _, table := range []string{"provision_operations", "provision_steps", "provision_receipts"} {
		r.until(table+" to be empty", func() bool { return query[int](r, `SELECT count(*) FROM `+table) == 0 })
	}
}

func TestConstraints(t *testing.T) {
	r := newRig(t)
	e := r.idle()
	op := r.create(e, cloudfake.Spec{})
	for name, sql := range map[string]string{
		"provision_resources_state_check":      `UPDATE provision_resources SET state = 'LOST'`,
		"provision_resources_generation_check": `UPDATE provision_resources SET observed_generation = 9`,
		"provision_resources_kind_name_key": `INSERT INTO provision_resources SELECT 'other', kind, name, tenant, verb, state, transient_state,
			final_state, conditions, blockage, reconciling, deleting, generation, 0, NULL, 0, NULL, NULL, now(), now(), now() FROM provision_resources`,
		"provision_operations_state_check":    `UPDATE provision_operations SET state = 'FAILED', end_time = now()`,
		"provision_operations_end_time_check": `UPDATE provision_operations SET end_time = now()`,
		"provision_operations_progress_check": `UPDATE provision_operations SET progress = 101`,
		"provision_operations_tenant_method_request_key_key": `INSERT INTO provision_operations SELECT 'op_x_' || n, 't', 'k', 'r', 'u', 'v', 'RUNNING', 'm', 'q', 'q',
			'', NULL, NULL, NULL, '', false, '', now(), now(), NULL FROM generate_series(1, 2) n`,
		"provision_steps_operation_fkey":     `INSERT INTO provision_steps (operation, name, title, ordinal, state) VALUES ('none', 'n', 't', 0, 'DONE')`,
		"provision_steps_state_check":        `INSERT INTO provision_steps (operation, name, title, ordinal, state) SELECT id, 'n', 't', 0, 'FAILED' FROM provision_operations`,
		"provision_ledger_resource_uid_fkey": `INSERT INTO provision_ledger VALUES ('none', 's', '', 't', '', '{}', '', 'INTENT', '{}', 0, false, NULL, false, NULL, now(), now())`,
		"provision_ledger_state_check": `INSERT INTO provision_ledger SELECT uid, 's', '', 't', '', '{}', '', 'LOST', '{}', 0, false, NULL, false, NULL, now(), now()
			FROM provision_resources`,
		"provision_ledger_step_key": `INSERT INTO provision_ledger SELECT uid, 's', n::text, 't', '', '{}', '', 'PRESENT', '{}', 0, false, NULL, false, NULL, now(), now()
			FROM provision_resources, generate_series(1, 2) n`,
	} {
		_, err := r.pool.Exec(t.Context(), sql)
		if got := pg.ConstraintOf(err); got != name {
			t.Errorf("violating %s: %v", name, err)
		}
	}
	if r.get(e, op).Done() {
		t.Error("the operation changed")
	}
}

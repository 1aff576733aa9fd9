package app_test

import (
	"fmt"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/seal"
)

// events are the types of the events of one subject, in their order.
func (r *rig) events(subject string) []string {
	r.t.Helper()
	rows, err := r.pool.Query(r.t.Context(), `SELECT payload FROM event_outbox ORDER BY tenant, sequence`)
	if err != nil {
		r.t.Fatalf("read outbox: %v", err)
	}
	payloads, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		r.t.Fatalf("read outbox: %v", err)
	}
	var out []string
	for _, p := range payloads {
		var e eventv1.Event
		if err := proto.Unmarshal(p, &e); err != nil {
			r.t.Fatalf("read event: %v", err)
		}
		if e.GetSubject() == subject {
			if e.GetData() == nil || e.GetTenant() == "" || e.GetSource() != "tenant" {
				r.t.Errorf("event %s of %s is not whole: %v", e.GetType(), subject, &e)
			}
			out = append(out, e.GetType())
		}
	}
	return out
}

// secretOf opens the sealed secret of a credential in use.
func (r *rig) secretOf(uid, credential string) string {
	r.t.Helper()
	var sealed []byte
	var generation int64
	err := r.pool.QueryRow(r.t.Context(), `SELECT secret, generation FROM credentials
 WHERE organisation_uid = $1 AND external_id = $2 AND in_use`, uid, credential).Scan(&sealed, &generation)
	if err != nil {
		r.t.Fatalf("read credential: %v", err)
	}
	keeper, err := seal.Open(r.t.Context(), sealURL)
	if err != nil {
		r.t.Fatal(err)
	}
	plain, err := keeper.Open(r.t.Context(), fmt.Sprintf("credential/%s/%d", uid, generation), sealed)
	if err != nil {
		r.t.Fatalf("open secret: %v", err)
	}
	if err := keeper.Close(); err != nil {
		r.t.Fatal(err)
	}
	return string(plain)
}

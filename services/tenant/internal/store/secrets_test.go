package store_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/store"
)

func seeded(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool := database(t)
	for _, good := range []string{goodTenant, goodOrganisation} {
		if _, err := pool.Exec(t.Context(), good); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}

func TestKeepPassword_first_isKept(t *testing.T) {
	s := store.NewSecrets(seeded(t))
	if p, err := s.Password(t.Context(), organisationUID); p != nil || err != nil {
		t.Fatalf("before the first: %v, %v", p, err)
	}
	for _, sealed := range []string{"first", "second"} {
		kept, err := s.KeepPassword(t.Context(), organisationUID, []byte(sealed))
		if err != nil || string(kept) != "first" {
			t.Errorf("keep %s: %s, %v; the first one counts", sealed, kept, err)
		}
	}
}

func TestCredentialGenerations(t *testing.T) {
	pool := seeded(t)
	s := store.NewSecrets(pool)
	ctx := t.Context()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	credential := func(generation int64, secret string, made time.Time) tenancy.SealedCredential {
		return tenancy.SealedCredential{Generation: generation, Secret: []byte(secret), CreateTime: made, ExpireTime: made.Add(time.Hour)}
	}
	kept, err := s.KeepCredential(ctx, organisationUID, credential(1, "one", now))
	if err != nil || string(kept.Secret) != "one" {
		t.Fatalf("keep the first: %+v, %v", kept, err)
	}
	kept, err = s.KeepCredential(ctx, organisationUID, credential(1, "other", now.Add(time.Minute)))
	if err != nil || string(kept.Secret) != "one" || !kept.ExpireTime.Equal(now.Add(time.Hour)) {
		t.Errorf("one that is still good was replaced: %+v, %v", kept, err)
	}
	kept, err = s.KeepCredential(ctx, organisationUID, credential(1, "late", now.Add(2*time.Hour)))
	if err != nil || string(kept.Secret) != "late" {
		t.Errorf("one that had expired was kept: %+v, %v", kept, err)
	}
	if err := s.UseCredential(ctx, organisationUID, 1, "id-1", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.KeepCredential(ctx, organisationUID, credential(2, "two", now)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.UseCredential(ctx, organisationUID, 2, "id-2", []string{"member"}); err != nil {
			t.Fatalf("put the second in use: %v", err)
		}
	}
	if _, found, err := s.Credential(ctx, organisationUID, 1); found || err != nil {
		t.Errorf("the secret of the replaced credential is still there (%v)", err)
	}
	// A worker that was paused since before the rotation must not bring the old one back.
	if err := s.UseCredential(ctx, organisationUID, 1, "id-1", nil); err != nil {
		t.Errorf("a late worker: %v", err)
	}
	var id string
	var roles []string
	err = pool.QueryRow(ctx, `SELECT external_id, roles FROM credentials WHERE in_use`).Scan(&id, &roles)
	if err != nil || id != "id-2" || !slices.Equal(roles, []string{"member"}) {
		t.Errorf("in use is %q with %v, %v", id, roles, err)
	}
	var sealed []byte
	if err := pool.QueryRow(ctx, `SELECT secret FROM credentials`).Scan(&sealed); err != nil || !bytes.Equal(sealed, []byte("two")) {
		t.Errorf("kept %q, %v", sealed, err)
	}
}

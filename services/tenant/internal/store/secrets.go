package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Secrets keeps sealed secrets.
type Secrets struct{ pool *pgxpool.Pool }

// NewSecrets keeps secrets in the service's database.
func NewSecrets(pool *pgxpool.Pool) *Secrets { return &Secrets{pool: pool} }

// Password reads the sealed password of an organisation's service user, nil when there is none.
func (s *Secrets) Password(ctx context.Context, organisationUID string) ([]byte, error) {
	var sealed []byte
	err := s.pool.QueryRow(ctx, `SELECT password FROM service_users WHERE organisation_uid = $1`, organisationUID).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read service user: %w", err)
	}
	return sealed, nil
}

// KeepPassword stores a sealed password unless there is one, and returns the stored one.
func (s *Secrets) KeepPassword(ctx context.Context, organisationUID string, sealed []byte) ([]byte, error) {
	_, err := s.pool.Exec(ctx, `INSERT INTO service_users (organisation_uid, password) VALUES ($1, $2)
ON CONFLICT (organisation_uid) DO NOTHING`, organisationUID, sealed)
	if err != nil {
		return nil, fmt.Errorf("store service user: %w", err)
	}
	return s.Password(ctx, organisationUID)
}

// Credential reads a generation, false when it was never prepared.
func (s *Secrets) Credential(ctx context.Context, organisationUID string, generation int64) (tenancy.SealedCredential, bool, error) {
	c := tenancy.SealedCredential{Generation: generation}
	err := s.pool.QueryRow(ctx, `SELECT secret, create_time, expire_time FROM credentials
 WHERE organisation_uid = $1 AND generation = $2`, organisationUID, generation).Scan(&c.Secret, &c.CreateTime, &c.ExpireTime)
	if errors.Is(err, pgx.ErrNoRows) {
		return tenancy.SealedCredential{}, false, nil
	}
	if err != nil {
		return tenancy.SealedCredential{}, false, fmt.Errorf("read credential: %w", err)
	}
	c.CreateTime, c.ExpireTime = c.CreateTime.UTC(), c.ExpireTime.UTC()
	return c, true, nil
}

// KeepCredential stores a prepared credential unless the generation has one, and returns the stored one. An expired one is replaced: no
// cloud would take it.
func (s *Secrets) KeepCredential(ctx context.Context, organisationUID string, c tenancy.SealedCredential) (tenancy.SealedCredential, error) {
	_, err := s.pool.Exec(ctx, `INSERT INTO credentials (organisation_uid, generation, secret, create_time, expire_time)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (organisation_uid, generation) DO UPDATE
   SET secret = excluded.secret, create_time = excluded.create_time, expire_time = excluded.expire_time, in_use = false
 WHERE credentials.expire_time <= excluded.create_time`,
		organisationUID, c.Generation, c.Secret, c.CreateTime, c.ExpireTime)
	if err != nil {
		return tenancy.SealedCredential{}, fmt.Errorf("store credential: %w", err)
	}
	kept, found, err := s.Credential(ctx, organisationUID, c.Generation)
	if err == nil && !found {
		err = errors.New("store credential: the organisation is gone")
	}
	return kept, err
}

// UseCredential puts a generation in use, with its id in the cloud and its roles, and deletes the secrets of older ones.
func (s *Secrets) UseCredential(ctx context.Context, organisationUID string, generation int64, id string, roles []string) error {
	batch := &pgx.Batch{}
	batch.Queue(`DELETE FROM credentials WHERE organisation_uid = $1 AND generation < $2`, organisationUID, generation)
	batch.Queue(`UPDATE credentials SET in_use = true, external_id = $3, roles = coalesce($4::text[], '{}')
 WHERE organisation_uid = $1 AND generation = $2`, organisationUID, generation, id, roles)
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("put credential in use: %w", err)
		}
		return nil
	})
}

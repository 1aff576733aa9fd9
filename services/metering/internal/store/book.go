package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/metering/internal/core/book"
	"github.com/low-layer/platform/services/metering/internal/core/price"
)

// ErrPublished is that another content is published under the id of a book, or for its time.
var ErrPublished = errors.New("another price book is published for it and never changes; give the new one another id and time")

// Publish writes a price book, once. It fails with ErrPublished when the id, or the time of its region and currency, is taken.
func (s *Store) Publish(ctx context.Context, b price.Book, content []byte) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO price_books (id, region, currency, effective_time, content, digest) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO NOTHING`, b.ID, b.Region, b.Currency, b.Effective, string(content), b.Digest)
	if pg.ConstraintOf(err) == "price_books_effective_time_key" {
		err = ErrPublished
	}
	if err != nil {
		return fmt.Errorf("publish price book %s: %w", b.ID, err)
	}
	digest, err := rows.First[string](ctx, s.pool, "price book", `SELECT digest FROM price_books WHERE id = $1`, b.ID)
	if err == nil && digest != b.Digest {
		err = fmt.Errorf("publish price book %s: %w", b.ID, ErrPublished)
	}
	return err
}

// Books reads the price books, oldest first.
func (s *Store) Books(ctx context.Context) ([]price.Book, error) {
	contents, err := rows.Many(ctx, s.pool, "price book", pgx.RowTo[string], `SELECT content FROM price_books ORDER BY effective_time, id`)
	if err != nil {
		return nil, err
	}
	out := make([]price.Book, len(contents))
	for i, content := range contents {
		if out[i], err = book.Parse([]byte(content)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

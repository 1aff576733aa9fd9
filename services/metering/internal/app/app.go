// Package app wires the metering service, top to bottom.
package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/host"
	"github.com/low-layer/platform/services/metering/internal/api"
	"github.com/low-layer/platform/services/metering/internal/core/book"
	"github.com/low-layer/platform/services/metering/internal/core/price"
	"github.com/low-layer/platform/services/metering/internal/store"
	"github.com/low-layer/platform/services/metering/internal/usecase"
)

const name = "metering"

// Program is the service's command line.
func Program() host.Command { return host.Program(name, store.Migrations, New) }

// Config is the service's settings.
type Config struct {
	host.Config
	// PriceBooks is the folder of the price books. Each file `*.yaml` is published once, at the start; without a folder none is.
	PriceBooks string `env:"PRICE_BOOKS"`
	// Region and Currency are those of the books that prices are computed by.
	Region   string `env:"REGION" envDefault:"default"`
	Currency string `env:"CURRENCY" envDefault:"EUR"`
}

// Problems lists what is wrong beyond the form of the values.
func (c Config) Problems() []config.Problem {
	out := c.Config.Problems()
	if _, err := readBooks(c.PriceBooks); err != nil {
		out = append(out, config.Problem{Variable: "PRICE_BOOKS", Text: err.Error()})
	}
	return out
}

// App is the wired service.
type App struct{ *host.Host }

// New wires the service.
func New(ctx context.Context, cfg Config, o host.Options) (_ *App, err error) {
	books, err := readBooks(cfg.PriceBooks)
	if err != nil {
		return nil, err
	}
	h, err := host.New(ctx, name, cfg.Config, host.Records{Owner: store.TenantUID, Known: store.Known, Taken: store.Taken}, o)
	if err != nil {
		return nil, err
	}
	if err := h.Provision(nil); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	rows := store.New(h.Pool)
	metering := usecase.New(rows, o.Clock, cfg.Region, cfg.Currency)
	api.Register(h.Server.Registrar(), metering)
	h.Serve(nil)
	h.Consume(metering.Handlers(), "network", "tenant")
	h.Loop(host.Loop{Name: "partitions", Every: time.Hour, Pass: metering.Partitions})
	h.Part("price books", func(ctx context.Context) error { return publish(ctx, h, rows, books) })
	return &App{Host: h}, nil
}

type content struct {
	book price.Book
	text []byte
}

// readBooks reads the files of a folder, in the order of the times from which they hold.
func readBooks(folder string) ([]content, error) {
	if folder == "" {
		return nil, nil
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err == nil && len(files) == 0 {
		err = errors.New("it has no file *.yaml")
	}
	if err != nil {
		return nil, fmt.Errorf("read price books of %s: %w", folder, err)
	}
	out := make([]content, len(files))
	for i, f := range files {
		if out[i].text, err = os.ReadFile(f); err != nil {
			return nil, fmt.Errorf("read price book: %w", err)
		}
		if out[i].book, err = book.Parse(out[i].text); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
	}
	slices.SortFunc(out, func(a, b content) int { return a.book.Effective.Compare(b.book.Effective) })
	return out, nil
}

// publish writes the books, as soon as the database responds. A book that differs from the published one ends the service.
func publish(ctx context.Context, h *host.Host, rows *store.Store, books []content) error {
	for len(books) > 0 {
		err := rows.Publish(ctx, books[0].book, books[0].text)
		switch {
		case err == nil:
			books = books[1:]
			continue
		case errors.Is(err, store.ErrPublished):
			return err
		}
		h.Logger.WarnContext(ctx, "a price book waits for the database", "book", books[0].book.ID, "error", err)
		timer := h.Clock.NewTimer(time.Second)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C():
		}
	}
	return nil
}

package provision

import (
	"embed"
	"io/fs"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/usage/spans"
	"github.com/low-layer/platform/libs/watch"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations are the engine's own, those of open spans, and those of the log of changes, which the engine's triggers fill; they come
// before the service's, which may refer to provision_resources and fill that log too.
func Migrations() []pg.Migrations {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		// Only an invalid path does this, and the path is the constant above.
		panic(err)
	}
	return []pg.Migrations{watch.Migrations(), {Name: "provision", FS: files}, spans.Migrations()}
}

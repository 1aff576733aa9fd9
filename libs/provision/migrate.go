package provision

import (
	"embed"
	"io/fs"

	"github.com/low-layer/platform/libs/pg"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations are the engine's own and River's; they come before the service's, which may refer to provision_resources.
func Migrations() []pg.Migrations {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		// Only an invalid path does this, and the path is the constant above.
		panic(err)
	}
	return []pg.Migrations{pg.River(), {Name: "provision", FS: files}}
}

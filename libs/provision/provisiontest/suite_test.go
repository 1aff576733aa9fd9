package provisiontest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
	"github.com/low-layer/platform/libs/provision/provisiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func world(t *testing.T) provisiontest.World {
	t.Helper()
	pool := pgtest.Database(t, cloudfake.Migrations()...)
	cloud := cloudfake.New()
	uid := cloudfake.NewUID()
	return provisiontest.World{
		Service: "garden", Pool: pool, Kind: "garden", Kinds: []provision.AnyKind{(&cloudfake.Garden{Cloud: cloud}).Kind()},
		Create: func(ctx context.Context, tx pgx.Tx, e *provision.Engine) (*provision.Operation, error) {
			return cloudfake.Create(ctx, tx, e, uid, cloudfake.Spec{Size: 1, Beds: []string{"a", "b"}})
		},
		Update: func(ctx context.Context, tx pgx.Tx, e *provision.Engine) (*provision.Operation, error) {
			return cloudfake.Update(ctx, tx, e, uid, cloudfake.Spec{Size: 2, Beds: []string{"b", "c"}})
		},
		Delete: func(ctx context.Context, tx pgx.Tx, e *provision.Engine) (*provision.Operation, error) {
			return cloudfake.Delete(ctx, tx, e, uid)
		},
		Inventory: func(context.Context) ([]string, error) {
			lines := cloud.Inventory()
			for i := range lines {
				lines[i] = strings.ReplaceAll(lines[i], uid, "garden")
			}
			return lines, nil
		},
	}
}

func TestGarden(t *testing.T) {
	provisiontest.Every(t, world(t).Kinds, map[string]func(*testing.T) provisiontest.World{"garden": world})
}

func TestEvery_kindWithoutWorld_fails(t *testing.T) {
	type worlds = map[string]func(*testing.T) provisiontest.World
	kinds := []provision.AnyKind{provision.Kind[int]{Name: "garden"}, provision.Kind[int]{Name: "shed"}}
	for name, c := range map[string]struct {
		worlds worlds
		wrong  string
	}{
		"all":     {worlds{"garden": world, "shed": world}, ""},
		"missing": {worlds{"garden": world}, `"shed" has no world`},
		"more":    {worlds{"garden": world, "shed": world, "pond": world}, `no kind "pond"`},
	} {
		err := provisiontest.Matched(kinds, c.worlds)
		if (err == nil) != (c.wrong == "") || (err != nil && !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package provision_test

import (
	"context"
	"fmt"

	"github.com/low-layer/platform/libs/provision"
)

// Bucket is an object of some cloud, as its client shows it.
type Bucket struct {
	ID, Name, Region string
	Public           bool
}

// Buckets is the port to that cloud. Each method is one call.
type Buckets interface {
	List(ctx context.Context, name string, ids []string) ([]Bucket, error)
	Create(ctx context.Context, b Bucket) (Bucket, error)
	Update(ctx context.Context, b Bucket) (Bucket, error)
	Delete(ctx context.Context, id string) error
	Grant(ctx context.Context, id, reader string) error
}

// bucketType declares the type of object once. Services share such declarations, see libs/openstack/kit.
func bucketType(cloud Buckets) provision.Type[Bucket] {
	return provision.Type[Bucket]{
		Name: "store.bucket",
		Attributes: []provision.Attribute[Bucket]{
			provision.Attr("name", func(b *Bucket) *string { return &b.Name }),
			provision.Attr("public", func(b *Bucket) *bool { return &b.Public }),
			provision.Attr("region", func(b *Bucket) *string { return &b.Region }).Fixed(),
		},
		External: func(b Bucket) provision.External { return provision.External{ID: b.ID, Name: b.Name} },
		Find:     func(ctx context.Context, want Bucket) ([]Bucket, error) { return cloud.List(ctx, want.Name, nil) },
		Read:     func(ctx context.Context, ids []string) ([]Bucket, error) { return cloud.List(ctx, "", ids) },
		Create:   func(ctx context.Context, want Bucket) (Bucket, error) { return cloud.Create(ctx, want) },
		Update:   func(ctx context.Context, is Bucket, _ ...string) (Bucket, error) { return cloud.Update(ctx, is) },
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			return cloud.Delete(ctx, o.ID)
		},
	}
}

// Archive is the spec of the resource: the service's row.
type Archive struct {
	UID, Reader string
	Public      bool
}

// archiveKind is the whole life of an archive.
func archiveKind(cloud Buckets) provision.Kind[Archive] {
	buckets := bucketType(cloud)
	return provision.Kind[Archive]{
		Name:    "archive",
		Objects: []provision.Object{buckets.Object()},
		Load: func(ctx context.Context, q provision.Querier, uid string) (a Archive, err error) {
			err = q.QueryRow(ctx, `SELECT uid, reader, public FROM archives WHERE uid = $1`, uid).Scan(&a.UID, &a.Reader, &a.Public)
			return a, err
		},
		Plan: func(_ provision.Resource, a Archive) ([]provision.Step, error) {
			return []provision.Step{
				buckets.Make(provision.Want[Bucket]{
					Step:   provision.Step{Name: "bucket", Digest: provision.Digest(a.Public)},
					Object: Bucket{Name: "archive-" + a.UID, Region: "north", Public: a.Public},
				}),
				provision.Set(provision.Step{Name: "reader", Needs: []string{"bucket"}, Digest: provision.Digest(a.Reader)},
					func(ctx context.Context, run *provision.Run) error {
						id, err := run.Made("bucket")
						if err != nil {
							return err
						}
						return cloud.Grant(ctx, id, a.Reader)
					}),
			}, nil
		},
		Inventory: func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
			return buckets.Look(ctx, Bucket{Name: "archive-" + run.UID})
		},
	}
}

func ExampleKind() {
	kind := archiveKind(nil)
	steps, err := kind.Plan(provision.Resource{}, Archive{UID: "arc_1", Reader: "auditor"})
	for _, s := range steps {
		fmt.Println(s.Name, s.Object, s.Needs)
	}
	fmt.Println(err)
	// Output:
	// bucket store.bucket []
	// reader  [bucket]
	// <nil>
}

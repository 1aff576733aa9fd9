package provision

import (
	"context"

	"github.com/low-layer/platform/libs/provision"
)

// The last look of a deletion: what Keystone has under the name that only this resource can have. What stood with the
// network service has its own receipts there.

func (k *tenants) inventory(ctx context.Context, run *provision.Run) ([]provision.External, error) {
	return k.findDomain(ctx, run, stepDomain)
}

func (k *organisations) inventory(ctx context.Context, run *provision.Run) ([]provision.External, error) {
	projects, err := k.findProject(ctx, run, stepProject)
	if err != nil {
		return nil, err
	}
	users, err := k.findUser(ctx, run, stepUser)
	return append(projects, users...), err
}

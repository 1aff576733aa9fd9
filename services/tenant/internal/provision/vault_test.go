package provision_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/seal"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/provision"
)

// drawer keeps sealed secrets in memory, as the store does.
type drawer struct {
	password    []byte
	credentials map[int64]tenancy.SealedCredential
}

func (d *drawer) Password(context.Context, string) ([]byte, error) { return d.password, nil }

func (d *drawer) KeepPassword(_ context.Context, _ string, sealed []byte) ([]byte, error) {
	if d.password == nil {
		d.password = sealed
	}
	return d.password, nil
}

func (d *drawer) Credential(_ context.Context, _ string, generation int64) (tenancy.SealedCredential, bool, error) {
	c, ok := d.credentials[generation]
	return c, ok, nil
}

func (d *drawer) KeepCredential(_ context.Context, _ string, c tenancy.SealedCredential) (tenancy.SealedCredential, error) {
	d.credentials[c.Generation] = c
	return c, nil
}

func (d *drawer) UseCredential(context.Context, string, int64, string, []string) error { return nil }

func TestVault(t *testing.T) {
	ctx := t.Context()
	keeper, err := seal.Open(ctx, sealURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keeper.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &drawer{credentials: map[int64]tenancy.SealedCredential{}}
	now := clock.NewFake(time.Date(2026, 11, 23, 12, 0, 0, 500, time.UTC))
	v := provision.NewVault(keeper, d, now, time.Hour)

	password, err := v.Password(ctx, organisation)
	if err != nil || len(password) < 40 {
		t.Fatalf("password of %d characters, %v", len(password), err)
	}
	if again, err := v.Password(ctx, organisation); again != password || err != nil {
		t.Errorf("another password the second time, %v", err)
	}
	if bytes.Contains(d.password, []byte(password)) {
		t.Error("the password is kept in clear")
	}
	first, err := v.Credential(ctx, organisation, 1)
	if err != nil || !first.Expires.Equal(time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)) {
		t.Fatalf("first credential: %v, %v", first, err)
	}
	if again, err := v.Credential(ctx, organisation, 1); again != first || err != nil {
		t.Errorf("another secret the second time, %v", err)
	}
	if bytes.Contains(d.credentials[1].Secret, []byte(first.Value)) {
		t.Error("the secret is kept in clear")
	}
	for _, text := range []string{fmt.Sprint(first), fmt.Sprintf("%v %+v %#v %s", first, first, first, first)} {
		if strings.Contains(text, first.Value) {
			t.Errorf("printing shows the secret: %s", text)
		}
	}
	second, err := v.Credential(ctx, organisation, 2)
	if err != nil || second.Value == first.Value {
		t.Errorf("the second generation has the first one's secret, %v", err)
	}
	// A sealed secret of one generation is of no use in the place of another.
	d.credentials[2] = tenancy.SealedCredential{Generation: 2, Secret: d.credentials[1].Secret, ExpireTime: second.Expires}
	if _, err := v.Credential(ctx, organisation, 2); err == nil {
		t.Error("the first generation's secret opened as the second one's")
	}
	now.Advance(2 * time.Hour)
	late, err := v.Credential(ctx, organisation, 1)
	if err != nil || late.Value == first.Value || !late.Expires.After(now.Now()) {
		t.Errorf("an expired secret was not replaced: %v, %v", late, err)
	}
}

const organisation = "org_00000000000000000000000001"

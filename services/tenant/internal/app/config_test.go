package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/services/tenant/internal/app"
)

func TestConfig_defaults_comeFromTagsAndRegistry(t *testing.T) {
	key := filepath.Join(t.TempDir(), "seal")
	if err := os.WriteFile(key, []byte(sealURL+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load[app.Config]("LOWLAYER_TENANT_", []string{
		"LOWLAYER_TENANT_DATABASE_URL=postgres://127.0.0.1/tenant", "LOWLAYER_TENANT_REDIS_URL=redis://127.0.0.1",
		"LOWLAYER_TENANT_SEAL_URL_FILE=" + key, "LOWLAYER_TENANT_RECEIPT_KEY=" + receiptKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.SealURL != sealURL || cfg.Listen != "127.0.0.1:9101" || cfg.AdminListen != "127.0.0.1:9201" ||
		cfg.Targets["network"] != "127.0.0.1:9102" || cfg.Retention != 7*24*time.Hour || cfg.CredentialMargin() != 30*24*time.Hour ||
		!slices.Equal(cfg.CredentialRoles, []string{"member"}) || cfg.Quota().Networks != 100 {
		t.Errorf("got %+v", cfg)
	}
}

func TestConfig_wrongSettings_areAllNamed(t *testing.T) {
	_, err := config.Load[app.Config]("LOWLAYER_TENANT_", []string{
		"LOWLAYER_TENANT_DATABASE_URL=postgres://127.0.0.1/tenant", "LOWLAYER_TENANT_SEAL_URL=base64key://",
		"LOWLAYER_TENANT_RETENTION=-1h", "LOWLAYER_TENANT_CREDENTIAL_LIFETIME=1m", "LOWLAYER_TENANT_QUOTA_CORES=0",
		"LOWLAYER_TENANT_CREDENTIAL_ROLES=member,,reader", "LOWLAYER_TENANT_DRIFT_INTERVAL=soon",
	})
	var problems *config.Error
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, p := range problems.Problems {
		got = append(got, p.Variable)
		if p.Text == "" {
			t.Errorf("%s says nothing", p.Variable)
		}
	}
	want := []string{
		"LOWLAYER_TENANT_CREDENTIAL_LIFETIME", "LOWLAYER_TENANT_CREDENTIAL_ROLES", "LOWLAYER_TENANT_DRIFT_INTERVAL",
		"LOWLAYER_TENANT_QUOTA_CORES", "LOWLAYER_TENANT_RECEIPT_KEY", "LOWLAYER_TENANT_REDIS_URL", "LOWLAYER_TENANT_RETENTION", "LOWLAYER_TENANT_SEAL_URL",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got problems of %v, want %v", got, want)
	}
}

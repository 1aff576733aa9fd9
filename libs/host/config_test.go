package host_test

import (
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/host"
)

const key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"

// settings embed Config as those of a service do.
type settings struct {
	host.Config
	Own string `env:"OWN"`
}

func load(environ ...string) (settings, error) {
	const prefix = "LOWLAYER_TENANT_"
	all := []string{prefix + "DATABASE_URL=postgres://localhost/x", prefix + "REDIS_URL=redis://localhost", prefix + "RECEIPT_KEY=" + key}
	for _, variable := range environ {
		all = append(all, prefix+variable)
	}
	return config.Load[settings](prefix, all)
}

func TestConfig_defaults_comeFromTheRegistry(t *testing.T) {
	cfg, err := load("OWN=x")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "127.0.0.1:9101" || cfg.AdminListen != "127.0.0.1:9201" || cfg.Targets["network"] != "127.0.0.1:9102" || cfg.Own != "x" {
		t.Errorf("got %+v", cfg)
	}
	if cfg, err = load("LISTEN=127.0.0.1:1", "NETWORK_TARGET=127.0.0.1:2"); err != nil || cfg.Listen != "127.0.0.1:1" || cfg.Targets["network"] != "127.0.0.1:2" {
		t.Errorf("got %+v, %v", cfg, err)
	}
}

func TestConfig_wrongSettings_areAllNamed(t *testing.T) {
	wrong := []string{"NETWORK_TARGET= ", "DATABASE_MAX_CONNS=1", "WORKERS=0", "LEASE=1ms", "SWEEP=1ms", "SETTLE=1ms", "RECEIPT_OLD_KEYS=y", "ISSUER=x"}
	_, err := load(wrong...)
	if err == nil {
		t.Fatal("nothing was found")
	}
	for _, setting := range wrong {
		variable, _, _ := strings.Cut(setting, "=")
		if !strings.Contains(err.Error(), "LOWLAYER_TENANT_"+variable+": ") {
			t.Errorf("%s is not in %v", variable, err)
		}
	}
}

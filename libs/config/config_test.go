package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/config"
)

const prefix = "LOWLAYER_NETWORK_"

type peer struct {
	Target  string        `env:"TARGET,required" doc:"the address of the peer"`
	Timeout time.Duration `env:"TIMEOUT" envDefault:"5s"`
}

type settings struct {
	Listen      string         `env:"LISTEN" envDefault:"127.0.0.1:9102"`
	DatabaseURL string         `env:"DATABASE_URL,required" secret:"true" doc:"a postgres:// URL"`
	RedisURL    string         `env:"REDIS_URL" envDefault:"redis://127.0.0.1:6390/0"`
	CloudsFile  string         `env:"CLOUDS_FILE"`
	Workers     int            `env:"WORKERS" envDefault:"4"`
	Share       float64        `env:"SHARE" envDefault:"0.5"`
	Strict      bool           `env:"STRICT"`
	Zones       []string       `env:"ZONES"`
	Limits      map[string]int `env:"LIMITS"`
	Key         []byte         `env:"KEY,notEmpty" secret:"true"`
	Tenant      peer           `envPrefix:"TENANT_"`
	Peers
	unexported string
}

// Peers have a variable for each key that Preset gives.
type Peers struct {
	Targets map[string]string `env:"*_TARGET"`
}

func (p *Peers) Preset(string) {
	p.Targets = map[string]string{"catalog": "127.0.0.1:1", "cluster": "127.0.0.1:2"}
}

func (s *settings) Problems() []config.Problem {
	if s.Workers > 0 {
		return nil
	}
	return []config.Problem{{Variable: "WORKERS", Text: "is not above 0: set it to at least 1"}}
}

func good(more ...string) []string {
	return append([]string{
		"HOME=/nonexistent", prefix + "DATABASE_URL=postgres://network:hunter2@db/network", prefix + "KEY=k",
		prefix + "TENANT_TARGET=127.0.0.1:9101",
	}, more...)
}

func TestLoad_environment_setsFields(t *testing.T) {
	cfg, err := config.Load[settings](prefix, good(prefix+"WORKERS=7", prefix+"ZONES=a,b", prefix+"TENANT_TIMEOUT=1m", prefix+"LIMITS=vpcs:3"))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "127.0.0.1:9102" || cfg.Workers != 7 || !slices.Equal(cfg.Zones, []string{"a", "b"}) || cfg.Limits["vpcs"] != 3 ||
		cfg.Tenant.Target != "127.0.0.1:9101" || cfg.Tenant.Timeout != time.Minute || cfg.unexported != "" {
		t.Errorf("got %+v", cfg)
	}
}

func problems(t *testing.T, environ []string) map[string]string {
	t.Helper()
	cfg, err := config.Load[settings](prefix, environ)
	failure, ok := errors.AsType[*config.Error](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	if cfg.Listen != "" {
		t.Errorf("a configuration with problems was half loaded: %+v", cfg)
	}
	found := map[string]string{}
	for _, p := range failure.Problems {
		if found[p.Variable] != "" {
			t.Errorf("%s is named twice: %v", p.Variable, err)
		}
		found[p.Variable] = p.Text
		if !strings.Contains(err.Error(), p.Variable+": "+p.Text) {
			t.Errorf("the error's text lacks %s: %v", p.Variable, err)
		}
	}
	return found
}

func TestLoad_manyProblems_areAllNamed(t *testing.T) {
	found := problems(t, []string{
		prefix + "WORKERS=many", prefix + "SHARE=half", prefix + "STRICT=perhaps", prefix + "TENANT_TIMEOUT=soon", prefix + "KEY=",
		prefix + "LIMITS=x", prefix + "DATABSE_URL=typo",
	})
	for variable, want := range map[string]string{
		"DATABASE_URL":   "set it to a postgres:// URL, or " + prefix + "DATABASE_URL_FILE",
		"KEY":            "is empty",
		"TENANT_TARGET":  "the address of the peer",
		"WORKERS":        "a whole number",
		"SHARE":          "a number",
		"STRICT":         "true or false",
		"TENANT_TIMEOUT": "a duration such as 30s",
		"LIMITS":         "pairs key:value",
		"DATABSE_URL":    "is not a setting of this program",
	} {
		if !strings.Contains(found[prefix+variable], want) {
			t.Errorf("%s: %q does not say %q", variable, found[prefix+variable], want)
		}
	}
	if len(found) != 9 {
		t.Errorf("%d problems: %v", len(found), found)
	}
}

func TestLoad_ownRules_areReportedToo(t *testing.T) {
	found := problems(t, []string{prefix + "WORKERS=0", prefix + "KEY=k", prefix + "TENANT_TARGET=x"})
	if len(found) != 2 || !strings.Contains(found[prefix+"WORKERS"], "at least 1") || found[prefix+"DATABASE_URL"] == "" {
		t.Errorf("got %v", found)
	}
}

func TestLoad_unknownVariable_isIgnored(t *testing.T) {
	if _, err := config.Load[settings](prefix, good(prefix+"OF_A_NEWER_VERSION=1")); err != nil {
		t.Error(err)
	}
}

func TestLoad_mapWithStar_hasOneVariableForEachKey(t *testing.T) {
	cfg, err := config.Load[settings](prefix, good(prefix+"CATALOG_TARGET=127.0.0.1:9"))
	if err != nil || cfg.Targets["catalog"] != "127.0.0.1:9" || cfg.Targets["cluster"] != "127.0.0.1:2" {
		t.Errorf("got %v, %v", cfg.Targets, err)
	}
	var out strings.Builder
	if err := config.Print(&out, prefix, cfg); err != nil || !strings.Contains(out.String(), prefix+"CLUSTER_TARGET=127.0.0.1:2\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
	found := problems(t, []string{prefix + "CATALOG_TARGET=x", prefix + "OTHER_TARGET=x"})
	if found[prefix+"OTHER_TARGET"] == "" || found[prefix+"CATALOG_TARGET"] != "" {
		t.Errorf("got %v", found)
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad_file_setsAField(t *testing.T) {
	path := write(t, "postgres://db/network\r\n")
	cfg, err := config.Load[settings](prefix, []string{
		prefix + "DATABASE_URL_FILE=" + path, prefix + "KEY_FILE=" + write(t, " k "), prefix + "TENANT_TARGET=x",
		prefix + "CLOUDS_FILE=clouds.yaml", prefix + "REDIS_URL_FILE=",
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.DatabaseURL != "postgres://db/network" || string(cfg.Key) != " k " || cfg.CloudsFile != "clouds.yaml" {
		t.Errorf("got %+v", cfg)
	}
}

func TestLoad_badFile_isAProblem(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	found := problems(t, good(prefix+"WORKERS_FILE="+missing, prefix+"KEY_FILE="+write(t, "k")))
	if len(found) != 2 || !strings.Contains(found[prefix+"WORKERS_FILE"], "name a file") ||
		!strings.Contains(found[prefix+"KEY_FILE"], "unset one of the two") {
		t.Errorf("got %v", found)
	}
}

func TestLoad_error_holdsNoSecret(t *testing.T) {
	type secretive struct {
		Pin int `env:"PIN" secret:"true"`
	}
	_, err := config.Load[secretive](prefix, []string{prefix + "PIN=hunter2"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestPrintHidesSecrets(t *testing.T) {
	cfg, err := config.Load[settings](prefix, good(prefix+"REDIS_URL=redis://u:hunter2@redis:6379/0"))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := config.Print(&out, prefix, cfg); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Errorf("a secret shows:\n%s", out.String())
	}
	for _, want := range []string{
		"DATABASE_URL=[redacted]\n", "REDIS_URL=redis://u:xxxxx@redis:6379/0\n", "WORKERS=4\n", "TENANT_TARGET=127.0.0.1:9101\n", "CLOUDS_FILE=\n",
	} {
		if !strings.Contains(out.String(), prefix+want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	out.Reset()
	if err := config.Print(&out, prefix, settings{}); err != nil || !strings.Contains(out.String(), "DATABASE_URL=\n") {
		t.Errorf("a secret that is not set: %v\n%s", err, out.String())
	}
	if err := config.Print(broken{}, prefix, cfg); err == nil {
		t.Error("a broken writer went unnoticed")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("full") }

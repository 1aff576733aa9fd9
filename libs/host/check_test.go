package host_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/host"
	"github.com/low-layer/platform/libs/pg"
)

// checked is the check-config of a service whose clouds.yaml holds text; none when it is empty.
func checked(t *testing.T, text, cloud string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clouds.yaml")
	if text != "" {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for variable, value := range map[string]string{
		"DATABASE_URL": "postgres://localhost/x", "REDIS_URL": "redis://localhost", "RECEIPT_KEY": key, "CLOUDS_FILE": file, "CLOUD": cloud,
	} {
		t.Setenv("LOWLAYER_TENANT_"+variable, value)
	}
	return host.Program("tenant", func() []pg.Migrations { return nil }, func(context.Context, settings, host.Options) (*host.Host, error) {
		return nil, nil //nolint:nilnil // the check wires nothing
	}).CheckConfig()
}

func cloudsFile(auth string) string {
	return "clouds:\n  mine:\n    region_name: RegionOne\n    auth: {" + auth + "}\n"
}

func TestCheckConfig_cloud_isRead(t *testing.T) {
	const (
		user    = "username: admin, password: secret, user_domain_name: Default"
		project = ", project_name: admin, project_domain_name: Default"
		address = "auth_url: 'http://127.0.0.1:5000/v3', "
	)
	if err := checked(t, cloudsFile(address+user+project), "mine"); err != nil {
		t.Errorf("a good file: %v", err)
	}
	for name, c := range map[string]struct{ text, cloud, want string }{
		"missing file":      {"", "mine", "clouds"},
		"no YAML":           {"clouds: [", "mine", "yaml"},
		"unknown cloud":     {cloudsFile(address + user + project), "other", "other"},
		"relative URL":      {cloudsFile("auth_url: '/v3', " + user + project), "mine", "auth_url is not an absolute URL"},
		"no project domain": {cloudsFile(address + user + ", project_name: admin"), "mine", "Domain"},
		"no password":       {cloudsFile(address + "username: admin, user_domain_name: Default" + project), "mine", "password to authenticate"},
	} {
		if err := checked(t, c.text, c.cloud); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
}

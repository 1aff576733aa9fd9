package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/openstack/doctor"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func simulated(t *testing.T) (cloudsFile string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	server, err := sim.Start(ctx, sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(t.TempDir(), "clouds.yaml")
	text := fmt.Sprintf(`clouds:
  sim:
    region_name: RegionOne
    auth: {auth_url: %q, username: admin, password: labpass, project_name: admin, user_domain_name: Default, project_domain_name: Default}
`, server.AuthURL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPlatform_bootstrapAfterDoctor_healsTheCloud(t *testing.T) {
	const nowhere = "127.0.0.1:1" // it needs no platform
	clouds := simulated(t)
	said, errs, code := cliRun(t, nowhere, "platform", "doctor", "--clouds-file", clouds, "--cloud", "sim")
	if code != exitPrecondition || !strings.Contains(said, "lowlayer platform bootstrap") || !strings.Contains(errs, "2 checks of the cloud fail") {
		t.Fatalf("doctor: %d %s%s", code, said, errs)
	}
	disk := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(disk, []byte("disk"), 0o600); err != nil {
		t.Fatal(err)
	}
	order := []string{
		"platform", "bootstrap", "--clouds-file", clouds, "--cloud", "sim", "--image", disk,
		"--dedicated-host", "cmp1", "--dedicated-host", "cmp2", "--dedicated-host", "cmp3", "-o", "json",
	}
	for again, want := range []bool{true, false} {
		said, errs, code = cliRun(t, nowhere, order...)
		var got struct{ Made []string }
		if err := json.Unmarshal([]byte(said), &got); err != nil || code != exitOK || (len(got.Made) > 0) != want {
			t.Errorf("bootstrap %d: %d %v %s%s", again, code, err, said, errs)
		}
	}
	said, errs, code = cliRun(t, nowhere, "platform", "doctor", "--clouds-file", clouds, "--cloud", "sim", "-o", "json")
	var got struct{ Findings []doctor.Finding }
	if err := json.Unmarshal([]byte(said), &got); err != nil || code != exitOK || !doctor.Healthy(got.Findings) {
		t.Errorf("doctor: %d %v %s%s", code, err, said, errs)
	}
}

func TestPlatform_wrongCommandLine_isRefused(t *testing.T) {
	t.Setenv("OS_CLOUD", "")
	for want, args := range map[string][]string{
		"--cloud NAME":    {"doctor"},
		"no-such-cloud":   {"doctor", "--clouds-file", simulated(t), "--cloud", "no-such-cloud"},
		"no such file":    {"bootstrap", "--clouds-file", simulated(t), "--cloud", "sim", "--image", "/no/such/file"},
		"takes 0 argumen": {"doctor", "x"},
	} {
		if _, errs, code := cliRun(t, "127.0.0.1:1", append([]string{"platform"}, args...)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
}

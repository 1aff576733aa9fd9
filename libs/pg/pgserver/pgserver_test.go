package pgserver_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/pg/pgserver"
)

func TestFind_programs_exist(t *testing.T) {
	tools, err := pgserver.Find()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{tools.Initdb, tools.Postgres} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(tools.Version, ".") {
		t.Errorf("version %q", tools.Version)
	}
}

func TestUnprivileged_account_isNeverRoot(t *testing.T) {
	account, err := pgserver.Unprivileged()
	if err != nil {
		t.Fatal(err)
	}
	if (os.Geteuid() == 0) != (account != nil) {
		t.Fatalf("as uid %d the account is %v", os.Geteuid(), account)
	}
	if account != nil && (account.UID == 0 || account.Attributes().Credential.Uid == 0) {
		t.Errorf("the account is root: %v", account)
	}
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := account.Own(path); err != nil {
		t.Error(err)
	}
}

func TestAccount_none_isTheCaller(t *testing.T) {
	var account *pgserver.Account
	if account.Attributes().Credential != nil {
		t.Error("credentials for nobody")
	}
	if err := account.Own("/does/not/exist"); err != nil {
		t.Error(err)
	}
}

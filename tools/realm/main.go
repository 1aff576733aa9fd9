// Command realm makes the realm of a Keycloak what LOW-LAYER needs: its clients, mappers, login flow and groups. It may be run
// again at any time; the lab and an installation run it alike.
//
//	realm --url https://id.example.com [--realm lowlayer] [--poll-interval 5s] [--operator ops@example.com]
//
// KEYCLOAK_ADMIN and KEYCLOAK_ADMIN_PASSWORD are those of an administrator of the realm master, KEYCLOAK_TENANT_SECRET becomes the
// secret of the client lowlayer-tenant. With --operator that user is made with OPERATOR_PASSWORD and joined to /platform/operator;
// an account of that address that is there already keeps its password, and is refused unless its e-mail is verified.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/low-layer/platform/libs/realm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "realm:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, env func(string) string) error {
	cfg := realm.Config{
		AdminUser: env("KEYCLOAK_ADMIN"), AdminPassword: env("KEYCLOAK_ADMIN_PASSWORD"), TenantSecret: env("KEYCLOAK_TENANT_SECRET"),
	}
	var operator string
	fs := flag.NewFlagSet("realm", flag.ContinueOnError)
	fs.StringVar(&cfg.URL, "url", "", "address of Keycloak")
	fs.StringVar(&cfg.Realm, "realm", realm.Name, "name of the realm")
	fs.DurationVar(&cfg.PollInterval, "poll-interval", 0, "how often a device may ask (default 5s)")
	fs.StringVar(&operator, "operator", "", "e-mail of a user to make an operator of the platform")
	if err := fs.Parse(args); err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	if cfg.URL == "" || fs.NArg() > 0 {
		return fmt.Errorf("give --url, and no other arguments: %q", fs.Args())
	}
	if err := realm.Setup(ctx, cfg); err != nil {
		return err
	}
	if operator == "" {
		return nil
	}
	_, err := realm.EnsureUser(ctx, cfg, realm.User{
		Email: operator, Password: env("OPERATOR_PASSWORD"), Groups: []string{"/" + realm.Platform + "/" + realm.Operator},
	})
	return err
}

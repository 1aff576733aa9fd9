package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	vulnerabilityDatabase = "https://vuln.go.dev"
	databaseTimeout       = 15 * time.Second
	scanTimeout           = 15 * time.Minute
)

// vulnerabilities runs govulncheck over our packages. GOVULNDB names another database, for instance a file:// one. Without a database
// it says so and reports nothing.
func vulnerabilities(ctx context.Context) ([]string, error) {
	database := os.Getenv("GOVULNDB")
	if database == "" {
		database = vulnerabilityDatabase
	}
	if err := reachable(ctx, database); err != nil {
		fmt.Printf("govulncheck: NOT RUN, its database %s cannot be reached: %v\n", database, err)
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, scanTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "govulncheck", "-db", database, "work")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	const found = 3
	if ended, ok := errors.AsType[*exec.ExitError](err); ok && ended.ExitCode() == found {
		return []string{"govulncheck: our code calls vulnerable functions, see above"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("govulncheck: %w", err)
	}
	return nil, nil
}

// reachable fails unless the database serves its index.
func reachable(ctx context.Context, database string) error {
	if dir, ok := strings.CutPrefix(database, "file://"); ok {
		_, err := os.Stat(dir)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, database+"/index/db.json", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it responds %s", resp.Status)
	}
	return nil
}

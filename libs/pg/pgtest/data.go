package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/low-layer/platform/libs/pg/pgserver"
)

// layout is raised when initdb is called in another way, so that old caches are left alone.
const layout = 1

// runDir makes the directory of one server. It is not under a test's own temporary directory: those are closed to
// other users, and every parent of the data must let the server's user pass.
func runDir(who *pgserver.Account) (string, error) {
	dir, err := os.MkdirTemp("/tmp", "lowlayer-pgtest-")
	if err != nil {
		return "", fmt.Errorf("make server directory: %w", err)
	}
	if err := who.Own(dir); err != nil {
		return "", errors.Join(fmt.Errorf("hand over server directory: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

// prepareData fills dir/data from the cache, which the first process of a machine makes.
func prepareData(tools pgserver.Tools, who *pgserver.Account, dir string) error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("find cache directory: %w", err)
	}
	cache = filepath.Join(cache, "lowlayer")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("make cache directory: %w", err)
	}
	template := filepath.Join(cache, fmt.Sprintf("pgtest-%s-%d", tools.Version, layout))
	if err := withFileLock(template+".lock", func() error { return ensureTemplate(tools, who, template) }); err != nil {
		return err
	}
	return copyTree(template, filepath.Join(dir, "data"), who)
}

// ensureTemplate runs initdb once; the rename makes a template that exists a complete one.
func ensureTemplate(tools pgserver.Tools, who *pgserver.Account, template string) error {
	if _, err := os.Stat(template); err == nil {
		return nil
	}
	work, err := runDir(who)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // a leftover in /tmp does no harm
	data := filepath.Join(work, "data")
	cmd := exec.CommandContext(context.Background(), tools.Initdb, "--pgdata="+data, "--username=postgres", "--auth=trust", "--encoding=UTF8",
		"--locale=C", "--no-sync", "--no-instructions", "--wal-segsize=4")
	cmd.Dir, cmd.SysProcAttr = "/", who.Attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run initdb: %w\n%s", err, out)
	}
	draft := template + "." + randomName()
	if err := copyTree(data, draft, nil); err != nil {
		return errors.Join(err, os.RemoveAll(draft))
	}
	if err := os.Rename(draft, template); err != nil {
		return fmt.Errorf("keep initdb's result: %w", err)
	}
	return nil
}

func withFileLock(path string, fn func() error) error {
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("open cache lock: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return errors.Join(fmt.Errorf("take cache lock: %w", err), lock.Close())
	}
	return errors.Join(fn(), lock.Close())
}

func copyTree(from, to string, who *pgserver.Account) error {
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if entry.IsDir() {
			err = os.Mkdir(target, 0o700)
		} else {
			err = copyFile(path, target)
		}
		if err != nil {
			return err
		}
		return who.Own(target)
	})
	if err != nil {
		return fmt.Errorf("copy database files: %w", err)
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, in.Close(), out.Close())
}

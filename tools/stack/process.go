package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/low-layer/platform/libs/pg/pgserver"
)

// A process is one program of the stack. Its pid file holds "PID STARTTIME", so that a recycled pid is never taken for ours.
type process struct {
	name    string
	dir     string // of pid file and log
	account *pgserver.Account
	path    string
	args    []string
	env     []string
	stop    syscall.Signal
	grace   time.Duration
}

const pollEvery = 20 * time.Millisecond

func (p *process) pidFile() string { return filepath.Join(p.dir, p.name+".pid") }

func (p *process) logFile() string { return filepath.Join(p.dir, p.name+".log") }

// start starts the program unless it runs already. It outlives us: stop ends it, by pid.
func (p *process) start() error {
	if _, alive := p.pid(); alive {
		return nil
	}
	log, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", p.name, err)
	}
	cmd := exec.Command(p.path, p.args...) //nolint:noctx // it outlives the call
	cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = log, log, p.env, "/"
	cmd.SysProcAttr = p.account.Attributes()
	if err := errors.Join(cmd.Start(), log.Close()); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	go p.reap(cmd)
	started, err := startTime(cmd.Process.Pid)
	if err != nil {
		return fmt.Errorf("%s ended at once:\n%s", p.name, p.tail())
	}
	record := fmt.Sprintf("%d %s\n", cmd.Process.Pid, started)
	if err := os.WriteFile(p.pidFile(), []byte(record), 0o644); err != nil {
		return errors.Join(fmt.Errorf("record the pid of %s: %w", p.name, err), cmd.Process.Kill())
	}
	return nil
}

// reap waits for a program that ends before we do, and has its log say how when it did not end by itself.
func (p *process) reap(cmd *exec.Cmd) {
	ended := cmd.Wait()
	if ended == nil {
		return
	}
	log, err := os.OpenFile(p.logFile(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return // the folder has been removed since
	}
	_, _ = fmt.Fprintf(log, "%s (pid %d) ended: %v\n", p.name, cmd.Process.Pid, ended)
	_ = log.Close()
}

// pid is the recorded pid and whether that very process still runs.
func (p *process) pid() (int, bool) {
	text, err := os.ReadFile(p.pidFile())
	if err != nil {
		return 0, false
	}
	first, started, ok := strings.Cut(strings.TrimSpace(string(text)), " ")
	pid, err := strconv.Atoi(first)
	if err != nil || !ok {
		return 0, false
	}
	now, err := startTime(pid)
	return pid, err == nil && now == started
}

func (p *process) signal(sig syscall.Signal) error {
	pid, alive := p.pid()
	if !alive {
		return nil
	}
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// end asks the program to stop and kills it when it has not after its grace.
func (p *process) end(ctx context.Context) error {
	if err := p.signal(p.stop); err != nil {
		return err
	}
	grace, cancel := context.WithTimeout(ctx, p.grace)
	defer cancel()
	err := poll(grace, func() bool { _, alive := p.pid(); return !alive })
	if err != nil {
		if err := p.kill(ctx); err != nil {
			return err
		}
	}
	if err := os.Remove(p.pidFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget the pid of %s: %w", p.name, err)
	}
	return nil
}

// kill is kill -9, and waits until the process is gone.
func (p *process) kill(ctx context.Context) error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	if err := poll(ctx, func() bool { _, alive := p.pid(); return !alive }); err != nil {
		return fmt.Errorf("wait for the end of %s: %w", p.name, err)
	}
	return nil
}

// waitReady waits until ready returns nil, and fails with the log's tail when the program ends or ctx does first.
func (p *process) waitReady(ctx context.Context, ready func(context.Context) error) error {
	var last error
	err := poll(ctx, func() bool {
		if last = ready(ctx); last == nil {
			return true
		}
		_, alive := p.pid()
		return !alive
	})
	if last == nil {
		return nil
	}
	return fmt.Errorf("%s is not ready: %w\n%s", p.name, errors.Join(last, err), p.tail())
}

func (p *process) tail() string {
	text, err := os.ReadFile(p.logFile())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-12):], "\n  ")
}

// startTime is field 22 of /proc/PID/stat; a zombie counts as gone.
func startTime(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	_, rest, ok := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return "", os.ErrProcessDone
	}
	// While other threads of a killed program end, its ports are still taken.
	if threads := fields[17]; fields[0] == "Z" && (threads == "0" || threads == "1") {
		return "", os.ErrProcessDone
	}
	return fields[19], nil
}

// poll checks done until it holds or ctx ends.
func poll(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if done() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

package stack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// PortError is a stack that cannot start because somebody else listens where its parts would.
type PortError struct{ Taken []TakenPort }

// TakenPort is a port in use.
type TakenPort struct {
	// Part that would listen at Address.
	Part, Address string
	// Owner is the program that listens, its pid and its command line; empty when it cannot be told.
	Owner string
}

func (e *PortError) Error() string {
	var b strings.Builder
	b.WriteString("ports are in use:")
	for _, t := range e.Taken {
		owner := t.Owner
		if owner == "" {
			owner = "a program of another account"
		}
		fmt.Fprintf(&b, "\n  %s of %s: held by %s", t.Address, t.Part, owner)
	}
	return b.String()
}

// checkPorts returns a PortError with every port that a stopped part could not listen at.
func (s *Stack) checkPorts(ctx context.Context) error {
	var taken []TakenPort
	for _, p := range append(s.foundations(), s.services()...) {
		if _, alive := p.pid(); alive {
			continue
		}
		for _, address := range p.listens {
			free, err := isFree(ctx, address)
			if err != nil {
				return fmt.Errorf("look for a free port for %s: %w", p.name, err)
			}
			if !free {
				taken = append(taken, TakenPort{p.name, address, ownerOf(address)})
			}
		}
	}
	if len(taken) > 0 {
		return &PortError{taken}
	}
	return nil
}

// AllFree is true when no process listens at any of the addresses.
func (a Addresses) AllFree(ctx context.Context) bool {
	for _, address := range a.all() {
		if free, err := isFree(ctx, address); !free || err != nil {
			return false
		}
	}
	return true
}

func isFree(ctx context.Context, address string) (bool, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, l.Close()
}

// ownerOf names the process that listens at a port: /proc knows the socket of the port, and the sockets of each process.
func ownerOf(address string) string {
	_, text, _ := net.SplitHostPort(address)
	port, err := strconv.Atoi(text)
	if err != nil {
		return ""
	}
	sockets := append(listening("/proc/net/tcp", port), listening("/proc/net/tcp6", port)...)
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is well formed
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil {
			continue // it has ended, or is not ours to look at
		}
		for _, inode := range sockets {
			if target == "socket:["+inode+"]" {
				return describe(strings.Split(link, "/")[2])
			}
		}
	}
	return ""
}

// listening are the inodes of the sockets that listen at a port, from a table like /proc/net/tcp.
func listening(table string, port int) []string {
	file, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }() // only read
	const local, state, inode, listen = 1, 3, 9, "0A"
	var inodes []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) > inode && f[state] == listen && strings.HasSuffix(f[local], fmt.Sprintf(":%04X", port)) {
			inodes = append(inodes, f[inode])
		}
	}
	return inodes
}

const longestCommand = 120

func describe(pid string) string {
	name, err := os.ReadFile("/proc/" + pid + "/comm")
	if err != nil {
		return "pid " + pid
	}
	line, _ := os.ReadFile("/proc/" + pid + "/cmdline") // told without it when it has just ended
	command := strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
	if len(command) > longestCommand {
		command = strings.ToValidUTF8(command[:longestCommand], "") + "…"
	}
	return fmt.Sprintf("%s, pid %s (%s)", strings.TrimSpace(string(name)), pid, command)
}

// Command bench measures the platform against peers and limits in the same run:
//   - the edge in front of a bare grpc-go server, against that server directly, a bare grpc-go proxy and a vanilla grpc-gateway;
//   - the edge with identity, decisions, counting, spans and mutual TLS;
//   - a statement with row security, against the same without;
//   - a VPC's life, against the longest chain of raw OpenStack calls and against gophercloud making the same calls;
//   - the idle memory of each service.
//
// It prints one JSON line per measurement, then a table, and exits 1 when a bar does not hold.
//
// Peer and platform take turns (ABBA), so that a noisy neighbour disturbs both; a ratio is the median over the rounds.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/low-layer/platform/tools/stack"
)

// A measurement is one line of the result. A bar of 0 means that it is only shown.
type measurement struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	Bar   float64 `json:"bar,omitempty"`
	Note  string  `json:"note,omitempty"`
}

func (m measurement) holds() bool { return m.Bar == 0 || m.Value <= m.Bar }

// The bars.
const (
	barEdge       = 2.5  // p50 of one caller through the edge to a bare grpc-go echo / p50 to the same echo directly
	barProxy      = 1.15 // p50 of one caller through the edge / through a bare grpc-go proxy in its place
	barVanilla    = 1.0  // the same over REST / through a vanilla grpc-gateway
	barEverything = 2.0  // the same with token, decision, counting, spans and mutual TLS
	barRows       = 1.5  // one statement with row security / without
	barRowsInTurn = 2.5  // the same, with callers of other tenants in turn: each changes the scope of the connection
	barCreate     = 1.25
	barReconcile  = 12 // API calls for a look at 100 VPCs that finds nothing to do
	barMemory     = 60 // MiB of each service when idle
)

type settings struct {
	bin    string
	rounds int
	period time.Duration
	sizes  []int
	report func(measurement)
}

func main() {
	if servers := map[string]func(string) error{"echo": serveEcho, "proxy": serveProxy, "vanilla": serveVanilla}; len(os.Args) > 2 && servers[os.Args[1]] != nil {
		if err := servers[os.Args[1]](os.Args[2]); err != nil {
			fmt.Fprintf(os.Stderr, "bench %s: %v\n", os.Args[1], err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx)
	stop()
	os.Exit(code)
}

func run(ctx context.Context) int {
	var set settings
	quick := flag.Bool("quick", false, "short rounds and small sizes: shows that it runs, proves nothing")
	flag.StringVar(&set.bin, "bin", "bin", "folder of the built programs")
	flag.IntVar(&set.rounds, "rounds", 5, "rounds of each comparison")
	flag.DurationVar(&set.period, "period", 2*time.Second, "length of one measurement of the edge")
	only := flag.String("only", "", "memory, provisioning, edge, everything or rows: measure that alone")
	flag.Parse()
	set.sizes = []int{1, 10, 100}
	if *quick {
		set.rounds, set.period, set.sizes = 1, 200*time.Millisecond, []int{1}
	}
	var all []measurement
	out := json.NewEncoder(os.Stdout)
	set.report = func(m measurement) {
		all = append(all, m)
		if err := out.Encode(m); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
	}
	if err := measure(ctx, set, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	missed, err := table(os.Stdout, all)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	if missed > 0 && !*quick {
		return 1
	}
	return 0
}

// measure runs the platform on free ports in a folder of its own.
func measure(ctx context.Context, set settings, only string) (err error) {
	dir, err := os.MkdirTemp("", "lowlayer-bench-")
	if err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the database's account walks there
		return err
	}
	addresses, err := stack.Free()
	if err != nil {
		return err
	}
	if set.bin, err = filepath.Abs(set.bin); err != nil {
		return err
	}
	s, err := stack.New(stack.Options{
		Dir: dir, Bin: set.bin, Addresses: addresses, Latency: 20 * time.Millisecond, Durable: true,
		Env: append(stack.Generous(), "LOWLAYER_NETWORK_DRIFT_INTERVAL=4s"),
	})
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, s.Stop(stopping), os.RemoveAll(dir))
	}()
	if err := s.Start(ctx); err != nil {
		return err
	}
	parts := []struct {
		name string
		run  func(context.Context, settings, *stack.Stack) error
	}{{"memory", memory}, {"provisioning", provisioning}, {"edge", edge}, {"everything", everything}, {"rows", rows}}
	for _, part := range parts {
		if only != "" && only != part.name {
			continue
		}
		if err := part.run(ctx, set, s); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

func table(w io.Writer, all []measurement) (missed int, err error) {
	tw := tabwriter.NewWriter(w, 0, 4, 3, ' ', 0)
	if _, err := fmt.Fprintln(tw, "\nMEASUREMENT\tVALUE\tUNIT\tBAR\t\tNOTE"); err != nil {
		return 0, err
	}
	for _, m := range all {
		bar, verdict := "-", ""
		if m.Bar > 0 {
			bar, verdict = fmt.Sprintf("≤ %g", m.Bar), "holds"
			if !m.holds() {
				verdict = "MISSED"
				missed++
			}
		}
		if _, err := fmt.Fprintf(tw, "%s\t%.4g\t%s\t%s\t%s\t%s\n", m.Name, m.Value, m.Unit, bar, verdict, m.Note); err != nil {
			return 0, err
		}
	}
	return missed, tw.Flush()
}

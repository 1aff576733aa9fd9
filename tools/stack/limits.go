package stack

import (
	"os"
	"runtime"
	"strconv"
)

// Generous are settings of a gateway by which nobody is limited: for tests and measurements, where one address makes more
// calls than all callers of an installation do.
func Generous() []string {
	const prefix, rate = "LOWLAYER_GATEWAY_RATE_", "=10000000"
	out := []string{prefix + "ADDRESS" + rate}
	for _, whose := range []string{"TENANT_", "CALLER_"} {
		for _, class := range []string{"GET", "LIST", "MUTATE", "STREAM"} {
			out = append(out, prefix+whose+class+rate)
		}
	}
	return out
}

// Shared is the environment of a gateway whose machine also runs what it calls and who calls it: half of the processors, unless
// GOMAXPROCS says otherwise. A gateway waits more than it computes; with a processor for every core its threads wake each other for
// every message, which takes longer than passing the message on.
func Shared() []string {
	if os.Getenv("GOMAXPROCS") != "" {
		return nil
	}
	return []string{"GOMAXPROCS=" + strconv.Itoa(max(1, runtime.NumCPU()/2))}
}

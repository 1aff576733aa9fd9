package stack

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

package rpc

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

type serviceConfigJSON struct {
	LoadBalancing []map[string]struct{} `json:"loadBalancingConfig"`
	Methods       []methodConfigJSON    `json:"methodConfig,omitempty"`
	Throttling    throttlingJSON        `json:"retryThrottling"`
}

type methodConfigJSON struct {
	Names []methodNameJSON `json:"name"`
	Retry retryJSON        `json:"retryPolicy"`
}

type methodNameJSON struct {
	Service string `json:"service"`
	Method  string `json:"method"`
}

type retryJSON struct {
	MaxAttempts          int      `json:"maxAttempts"`
	InitialBackoff       string   `json:"initialBackoff"`
	MaxBackoff           string   `json:"maxBackoff"`
	BackoffMultiplier    float64  `json:"backoffMultiplier"`
	RetryableStatusCodes []string `json:"retryableStatusCodes"`
}

type throttlingJSON struct {
	MaxTokens  int     `json:"maxTokens"`
	TokenRatio float64 `json:"tokenRatio"`
}

// serviceConfig uses replicas in turn and repeats what may be repeated, while failures are few: a service that is down
// must not get several times its load on top.
func serviceConfig(policies map[string]policy) (string, error) {
	config := serviceConfigJSON{
		LoadBalancing: []map[string]struct{}{{"round_robin": {}}},
		Throttling:    throttlingJSON{MaxTokens: 100, TokenRatio: 0.1},
	}
	var names []methodNameJSON
	for _, full := range slices.Sorted(maps.Keys(policies)) {
		if policies[full].repeats {
			service, method, _ := strings.Cut(strings.TrimPrefix(full, "/"), "/")
			names = append(names, methodNameJSON{Service: service, Method: method})
		}
	}
	if len(names) > 0 {
		config.Methods = []methodConfigJSON{{Names: names, Retry: retryJSON{
			MaxAttempts: 4, InitialBackoff: "0.1s", MaxBackoff: "1s", BackoffMultiplier: 2,
			RetryableStatusCodes: []string{"UNAVAILABLE"},
		}}}
	}
	text, err := json.Marshal(config)
	if err != nil {
		return "", fmt.Errorf("write the gRPC service config: %w", err)
	}
	return string(text), nil
}

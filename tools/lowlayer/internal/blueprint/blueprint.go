// Package blueprint reads a blueprint: one YAML file that describes a whole organisation. Parse is strict: an unknown field,
// a wrong type or a missing value is an error that names its line and what would be right, and all problems are reported at
// once. Limits of the platform (CIDRs, quotas) are the platform's to check.
package blueprint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// APIVersion is the version this package reads.
const APIVersion = "lowlayer/v1"

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 256 << 10

// Blueprint is a tenant, one of its organisations, and what the organisation holds.
type Blueprint struct {
	APIVersion   string       `yaml:"apiVersion"`
	Kind         string       `yaml:"kind"`
	Tenant       Tenant       `yaml:"tenant"`
	Organisation Organisation `yaml:"organisation"`
	VPCs         []VPC        `yaml:"vpcs"`
	Peerings     []Peering    `yaml:"peerings"`
}

// Tenant is the client.
type Tenant struct {
	ID          string            `yaml:"id"`
	DisplayName string            `yaml:"displayName"`
	Labels      map[string]string `yaml:"labels"`
	NetworkCIDR string            `yaml:"networkCidr"`
	// DeletionProtection is nil when the blueprint does not say.
	DeletionProtection *bool `yaml:"deletionProtection"`
}

// Organisation is the organisation and its mode, MUTUALIZED or DEDICATED.
type Organisation struct {
	ID          string            `yaml:"id"`
	DisplayName string            `yaml:"displayName"`
	Labels      map[string]string `yaml:"labels"`
	Mode        string            `yaml:"mode"`
	HubCIDR     string            `yaml:"hubCidr"`
	Quota       Quota             `yaml:"quota"`
	// DeletionProtection is nil when the blueprint does not say.
	DeletionProtection *bool `yaml:"deletionProtection"`
}

// Quota is what the organisation's project may hold; 0 takes the platform's default.
type Quota struct {
	Cores          int32 `yaml:"cores"`
	RAMMiB         int32 `yaml:"ramMib"`
	Instances      int32 `yaml:"instances"`
	Networks       int32 `yaml:"networks"`
	Routers        int32 `yaml:"routers"`
	Ports          int32 `yaml:"ports"`
	SecurityGroups int32 `yaml:"securityGroups"`
}

// VPC is one environment. An empty mode is the organisation's, an empty CIDR is chosen.
type VPC struct {
	ID           string            `yaml:"id"`
	DisplayName  string            `yaml:"displayName"`
	Labels       map[string]string `yaml:"labels"`
	Mode         string            `yaml:"mode"`
	CIDR         string            `yaml:"cidr"`
	IngressRules []IngressRule     `yaml:"ingressRules"`
	// DeletionProtection is nil when the blueprint does not say.
	DeletionProtection *bool `yaml:"deletionProtection"`
}

// IngressRule lets one kind of traffic in.
type IngressRule struct {
	Name       string `yaml:"name"`
	Protocol   string `yaml:"protocol"`
	PortMin    int32  `yaml:"portMin"`
	PortMax    int32  `yaml:"portMax"`
	SourceCIDR string `yaml:"sourceCidr"`
}

// Peering routes two VPCs of the blueprint to each other.
type Peering struct {
	ID   string `yaml:"id"`
	VPC  string `yaml:"vpc"`
	Peer string `yaml:"peer"`
}

var (
	tenantID = regexp.MustCompile(`^[a-z][a-z0-9-]{1,38}[a-z0-9]$`)
	childID  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,38}[a-z0-9]$`)
)

// Parse reads a blueprint.
func Parse(text []byte) (*Blueprint, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("the blueprint has %d bytes; at most %d are read", len(text), MaxSize)
	}
	var b Blueprint
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&b); errors.Is(err, io.EOF) {
		return nil, errors.New("the blueprint is empty")
	} else if err != nil {
		return nil, readable(err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("a file holds one blueprint: what follows the second `---` is not read")
	}
	if problems := b.problems(); len(problems) > 0 {
		return nil, errors.New("the blueprint is not complete:\n  " + strings.Join(problems, "\n  "))
	}
	return &b, nil
}

// readable turns the decoder's words into those of the file.
func readable(err error) error {
	var typed *yaml.TypeError
	if !errors.As(err, &typed) {
		return fmt.Errorf("the blueprint is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	lines := make([]string, len(typed.Errors))
	for i, line := range typed.Errors {
		if at, field, ok := strings.Cut(line, ": field "); ok {
			name, _, _ := strings.Cut(field, " ")
			line = fmt.Sprintf("%s: there is no field %q here; check its spelling", at, name)
		}
		lines[i] = line
	}
	return errors.New("the blueprint cannot be read:\n  " + strings.Join(lines, "\n  "))
}

func (b *Blueprint) problems() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if b.APIVersion != APIVersion {
		add("apiVersion: must be %s, not %q", APIVersion, b.APIVersion)
	}
	if b.Kind != "Blueprint" {
		add("kind: must be Blueprint, not %q", b.Kind)
	}
	if !tenantID.MatchString(b.Tenant.ID) {
		add("tenant.id: %q is not 3 to 40 lower-case letters, digits and dashes", b.Tenant.ID)
	}
	checkID(add, "organisation.id", b.Organisation.ID)
	checkMode(add, "organisation.mode", b.Organisation.Mode, true)
	known := make(map[string]bool)
	for i, v := range b.VPCs {
		path := fmt.Sprintf("vpcs[%d]", i)
		checkID(add, path+".id", v.ID)
		checkMode(add, path+".mode", v.Mode, false)
		if known[v.ID] {
			add("%s.id: %q is used twice", path, v.ID)
		}
		known[v.ID] = true
		for j, r := range v.IngressRules {
			checkRule(add, fmt.Sprintf("%s.ingressRules[%d]", path, j), r)
		}
	}
	for i, p := range b.Peerings {
		path := fmt.Sprintf("peerings[%d]", i)
		checkID(add, path+".id", p.ID)
		for field, vpc := range map[string]string{"vpc": p.VPC, "peer": p.Peer} {
			if !known[vpc] {
				add("%s.%s: there is no VPC %q in vpcs", path, field, vpc)
			}
		}
	}
	return out
}

func checkID(add func(string, ...any), path, id string) {
	if !childID.MatchString(id) {
		add("%s: %q is not 2 to 40 lower-case letters, digits and dashes", path, id)
	}
}

func checkMode(add func(string, ...any), path, mode string, required bool) {
	if mode != "MUTUALIZED" && mode != "DEDICATED" && (required || mode != "") {
		add("%s: must be MUTUALIZED or DEDICATED, not %q", path, mode)
	}
}

func checkRule(add func(string, ...any), path string, r IngressRule) {
	checkID(add, path+".name", r.Name)
	switch r.Protocol {
	case "", "TCP", "UDP", "ICMP":
	default:
		add("%s.protocol: must be TCP, UDP, ICMP or left out, not %q", path, r.Protocol)
	}
	if r.SourceCIDR == "" {
		add("%s.sourceCidr: say where the traffic may come from", path)
	}
}

// Package blueprint reads a blueprint: one YAML file that describes a whole organisation.
//
// Parse refuses an impossible file before anything is ordered: an unknown field, a wrong type, a missing value, networks that
// overlap. Values have the types of YAML 1.2's core schema, and none is converted. An InvalidError reports all problems at once,
// each with its field, line and remedy. The platform checks free address ranges and taken ids.
package blueprint

import (
	"bytes"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"
)

// APIVersion is the version this package reads.
const APIVersion = "lowlayer/v1"

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 256 << 10

// Blueprint is a tenant, one of its organisations, and the organisation's content.
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
	// DeletionProtection is nil when the blueprint leaves it out.
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
	// DeletionProtection is nil when the blueprint leaves it out.
	DeletionProtection *bool `yaml:"deletionProtection"`
}

// Quota are the limits of the organisation's project; 0 takes the platform's default.
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
	// DeletionProtection is nil when the blueprint leaves it out.
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

// Parse reads a blueprint. Its errors are InvalidErrors.
func Parse(text []byte) (*Blueprint, error) {
	if len(text) > MaxSize {
		return nil, whole("has %d bytes or more; at most %d are read", len(text), MaxSize)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := dec.Decode(&document); errors.Is(err, io.EOF) {
		return nil, whole("is empty; deploy/blueprints/startup.yaml is one to begin with")
	} else if err != nil {
		return nil, notYAML(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, whole("holds more than one document; a file holds one blueprint, put what follows the second `---` into another file")
	}
	b := &Blueprint{}
	err := document.Decode(b)
	var wrongTypes *yaml.TypeError // checkShape reports these with their fields
	if err != nil && !errors.As(err, &wrongTypes) {
		return nil, notYAML(err)
	}
	found := &problems{lines: make(map[string]int)}
	found.checkShape(document.Content[0], "", blueprintType)
	if document.Content[0].Kind == yaml.MappingNode { // in any other node all fields would be missing
		b.check(found)
	}
	if wrongTypes != nil && len(found.list) == 0 {
		return nil, notYAML(err)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return b, nil
}

package vpc

import (
	"maps"
	"slices"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resourcename"
)

// Update is a change a caller asks for: the values of every field, and which of them count.
type Update struct {
	Name resourcename.Vpc
	Etag string
	// Mask is the paths that count; empty means all that are set.
	Mask        []string
	DisplayName string
	Labels      map[string]string
	Mode        resource.Mode
	CIDR        string
	Ingress     []IngressRule
	Protected   bool
}

// The paths of a mask.
const (
	pathDisplayName = "display_name"
	pathLabels      = "labels"
	pathIngress     = "ingress_rules"
	pathMode        = "mode"
	pathCIDR        = "cidr"
	pathProtected   = "deletion_protection"
)

func mutable() []string   { return []string{pathDisplayName, pathLabels, pathIngress, pathProtected} }
func immutable() []string { return []string{pathMode, pathCIDR} }

// ignored are set by us or say which VPC is meant. A client that sends back all it read names them, and means no harm.
func ignored() []string {
	return []string{
		"name", "etag", "uid", "state", "conditions", "blockage", "reconciling", "create_time", "update_time", "cloud",
	}
}

// Apply answers the VPC as it is to be. It never changes what only a new VPC can have otherwise.
func (u Update) Apply(v Vpc) (Vpc, error) {
	if v.Status.State == resource.Deleting {
		return Vpc{}, errs.NotFound("vpc", v.Name.String())
	}
	if err := etag.Check(v.Name.String(), u.Etag, v.Etag()); err != nil {
		return Vpc{}, err
	}
	paths, err := u.paths()
	if err != nil {
		return Vpc{}, err
	}
	var bad errs.Fields
	for _, p := range paths {
		switch p {
		case pathDisplayName:
			v.DisplayName = u.DisplayName
		case pathLabels:
			v.Labels = maps.Clone(u.Labels)
		case pathIngress:
			v.Ingress = slices.Clone(u.Ingress)
		case pathProtected:
			v.Protected = u.Protected
		case pathMode:
			if u.Mode != v.Mode {
				bad.Add("vpc.mode", "cannot change from %s; make another VPC with that mode", v.Mode)
			}
		case pathCIDR:
			if u.CIDR != v.CIDR.String() {
				bad.Add("vpc.cidr", "cannot change from %s; make another VPC with that CIDR", v.CIDR)
			}
		}
	}
	if err := bad.Err(); err != nil {
		return Vpc{}, err
	}
	v.Revision++
	return v, nil
}

// paths are the fields that count, after refusing those there are none of.
func (u Update) paths() ([]string, error) {
	if len(u.Mask) == 0 {
		return u.set(), nil
	}
	var bad errs.Fields
	var paths []string
	for _, p := range u.Mask {
		switch {
		case p == "*":
			paths = append(paths, mutable()...)
			paths = append(paths, u.setImmutable()...)
		case slices.Contains(mutable(), p), slices.Contains(immutable(), p):
			paths = append(paths, p)
		case slices.Contains(ignored(), p):
		default:
			bad.Add("update_mask", "%q is no field of a VPC that can be changed; these can: display_name, labels, ingress_rules, deletion_protection", p)
		}
	}
	return paths, bad.Err()
}

// set are the fields with a value.
func (u Update) set() []string {
	var paths []string
	if u.DisplayName != "" {
		paths = append(paths, pathDisplayName)
	}
	if len(u.Labels) > 0 {
		paths = append(paths, pathLabels)
	}
	if len(u.Ingress) > 0 {
		paths = append(paths, pathIngress)
	}
	if u.Protected {
		paths = append(paths, pathProtected)
	}
	return append(paths, u.setImmutable()...)
}

func (u Update) setImmutable() []string {
	var paths []string
	if u.Mode != "" {
		paths = append(paths, pathMode)
	}
	if u.CIDR != "" {
		paths = append(paths, pathCIDR)
	}
	return paths
}

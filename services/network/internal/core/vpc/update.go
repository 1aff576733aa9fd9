package vpc

import (
	"maps"
	"slices"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/resource"
)

// Update holds the values of the fields that a mask may name.
type Update struct {
	Name        resourcename.Vpc
	Etag        string
	DisplayName string
	Labels      map[string]string
	Ingress     []IngressRule
	Protected   bool
}

// Changeable refuses a change of a VPC that is being deleted, or that is not the one of the etag.
func (v Vpc) Changeable(given string) error {
	if v.Status.State == resource.Deleting {
		return errs.NotFound(Kind, v.Name.String())
	}
	return etag.Check(v.Name.String(), given, v.Etag())
}

// Whole reports whether the VPC has been complete once. Before that, every change is a part of its creation.
func (v Vpc) Whole() bool {
	return v.Status.State != resource.Creating && (v.Status.State != resource.Blocked || v.Cloud.RouterID != "")
}

// Apply returns the VPC with the fields of the mutable paths set.
func (u Update) Apply(v Vpc, paths []string) Vpc {
	for _, p := range paths {
		switch p {
		case "display_name":
			v.DisplayName = u.DisplayName
		case "labels":
			v.Labels = maps.Clone(u.Labels)
		case "ingress_rules":
			v.Ingress = slices.Clone(u.Ingress)
		case "deletion_protection":
			v.Protected = u.Protected
		}
	}
	v.Revision++
	return v
}

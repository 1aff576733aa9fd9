// Package naming gives the objects in the cloud their names and tags. It promises names that are unique, that are the
// same every time they are asked for, and that carry the uid of the resource they belong to: after a crash that is how
// an object is found again before it could be tagged or written down.
package naming

import "strings"

// OwnTag is on every object of LOW-LAYER that takes tags.
const OwnTag = "lowlayer"

// maxTag is how long a tag may be in Neutron.
const maxTag = 60

// Object is the name of one object: the last part of the resource's name for people, its role, and the uid.
func Object(id, role, uid string) string { return id + "-" + role + "-" + uid }

// Tags of the objects of one resource. Neutron takes no commas and at most 60 characters.
func Tags(uid, tenant string) []string {
	return []string{OwnTag, fit(OwnTag + ":tenant=" + tenant), fit(OwnTag + ":uid=" + uid)}
}

// UID is that of the resource an object was made for, read from its name or its tags; empty without either.
func UID(name string, tags []string) string {
	for _, t := range tags {
		if uid, ok := strings.CutPrefix(t, OwnTag+":uid="); ok {
			return uid
		}
	}
	return name[strings.LastIndexByte(name, '-')+1:]
}

func fit(tag string) string { return tag[:min(len(tag), maxTag)] }

// AllowDescription marks a security group rule that every group of its kind has.
func AllowDescription(name string) string { return "lowlayer:allow=" + name }

// IngressDescription marks a security group rule the caller asked for by name.
func IngressDescription(name string) string { return "lowlayer:ingress=" + name }

// PeeringDescription marks a security group rule a peering made.
func PeeringDescription(uid string) string { return "lowlayer:peering=" + uid }

// ruleMark begins the description of every security group rule of ours.
const ruleMark = OwnTag + ":"

// OurRule reports, by its description, whether the platform made a security group rule.
func OurRule(description string) bool { return strings.HasPrefix(description, ruleMark) }

// PeeringRule reports whether a peering made a security group rule; the peering may be gone by now.
func PeeringRule(description string) bool {
	return strings.HasPrefix(description, PeeringDescription(""))
}

// EgressDescription marks a rule that lets traffic out, put back after somebody removed the one Neutron made.
const EgressDescription = "lowlayer:egress"

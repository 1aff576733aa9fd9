package store

import (
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
)

// settled is a resource as it is after a transition, which its row may not show yet.
func settled(m resource.Meta, s provision.Settlement) resource.Meta {
	m.Status.State, m.Status.Blockage = s.State, s.Blockage
	return m
}

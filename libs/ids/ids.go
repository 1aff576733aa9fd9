// Package ids makes the unique ids of the platform: a prefix for the kind, and a UUIDv7 in lower-case Crockford base32.
// Ids of one kind sort by creation time and are never used again. New panics, as crypto/rand does, when the system has
// no randomness.
package ids

import (
	"encoding/base32"
	"strings"

	"github.com/google/uuid"
)

// Length is the number of characters after the prefix and its underscore.
const Length = 26

var encoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// New makes an id such as `vpc_06dq…`. The prefix may hold underscores itself: `op_network`.
func New(prefix string) string {
	u := uuid.Must(uuid.NewV7())
	return prefix + "_" + encoding.EncodeToString(u[:])
}

// Prefix is the part of an id before its last underscore; empty when id has not the form New gives.
func Prefix(id string) string {
	i := strings.LastIndexByte(id, '_')
	if i < 1 || len(id)-i-1 != Length {
		return ""
	}
	if b, err := encoding.DecodeString(id[i+1:]); err != nil || len(b) != 16 {
		return ""
	}
	return id[:i]
}

package sim

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// randomBytes never fails: crypto/rand aborts the process rather than return less.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// newHexID is the shape of Keystone's identifiers.
func newHexID() string { return hex.EncodeToString(randomBytes(16)) }

// newUUID is the shape of every other service's identifiers.
func newUUID() string {
	b := randomBytes(16)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return formatUUID(b)
}

func formatUUID(b []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

func newSecret() string { return base64.RawURLEncoding.EncodeToString(randomBytes(48)) }

// newMAC uses the prefix that Neutron gives out by default.
func newMAC() string {
	b := randomBytes(3)
	return fmt.Sprintf("fa:16:3e:%02x:%02x:%02x", b[0], b[1], b[2])
}

package identity

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxCached bounds the tokens that are remembered: a few megabytes.
const maxCached = 8192

// entry is a token that was verified.
type entry struct {
	principal *Principal
	// keyID and key are what it was signed with. It is forgotten when the issuer takes that key back.
	keyID string
	key   *key
}

// cache remembers tokens by their hash: what is in memory cannot be used to log in.
type cache struct {
	mu      sync.RWMutex
	entries map[[sha256.Size]byte]entry
}

func newCache() *cache { return &cache{entries: make(map[[sha256.Size]byte]entry)} }

func (c *cache) get(sum [sha256.Size]byte) (entry, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.entries[sum]
	return e, ok
}

func (c *cache) put(sum [sha256.Size]byte, e entry, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= maxCached {
		c.evict(now)
	}
	c.entries[sum] = e
}

func (c *cache) drop(sum [sha256.Size]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, sum)
}

// evict forgets what has ended, and when that is too little a tenth of the rest, whichever comes first: one that is still in
// use is verified once more.
func (c *cache) evict(now time.Time) {
	for sum, e := range c.entries {
		if !now.Before(e.principal.Expiry.Add(Leeway)) {
			delete(c.entries, sum)
		}
	}
	surplus := len(c.entries) - maxCached*9/10
	for sum := range c.entries {
		if surplus <= 0 {
			return
		}
		delete(c.entries, sum)
		surplus--
	}
}

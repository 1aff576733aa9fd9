package limit

// Held is how many calls of a caller of a tenant are in hand.
func (l *Limiter) Held(c Class, tenant, caller string) int64 {
	t, b := l.buckets.find(l.tenant[c], tenant, l.now()), l.buckets.find(l.caller[c], caller, l.now())
	t.mu.Lock()
	defer t.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	return min(t.held, b.held)
}

// Package loopback recognises addresses that only this machine reaches.
package loopback

import (
	"net/netip"
	"net/url"
)

// Host reports whether a host is fixed to this machine: localhost and the addresses of the loopback interface. Any other
// name may resolve to anything.
func Host(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Secure reports whether a URL is safe from others on the way: https, or http on this machine.
func Secure(u *url.URL) bool {
	return u.Host != "" && (u.Scheme == "https" || (u.Scheme == "http" && Host(u.Hostname())))
}

// Package loopback tells addresses that only this machine reaches from all others.
package loopback

import (
	"net/netip"
	"net/url"
)

// Host is true for a host that nobody else can point elsewhere: localhost and the addresses of the loopback interface. Any
// other name may resolve to anything.
func Host(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Secure is true for the URL of a server that nobody on the way can speak for: over https, or over http on this machine.
func Secure(u *url.URL) bool {
	return u.Host != "" && (u.Scheme == "https" || (u.Scheme == "http" && Host(u.Hostname())))
}

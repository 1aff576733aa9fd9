// Package acceptance holds the tests of the whole platform on a real OpenStack: the blueprint, real packets and ovn-trace between
// the servers of its networks, and kills while the real cloud works. They carry the build tag `acceptance`; `make acceptance`
// starts the lab and runs them.
package acceptance

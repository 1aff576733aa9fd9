package resourcename

import (
	"regexp"
	"strings"
)

var receiptID = regexp.MustCompile(`^rcpt_[a-z]+_[0-9a-z]{26}$`)

// Receipt is `tenants/{tenant}/receipts/{receipt}`.
type Receipt struct{ Tenant, Receipt string }

func (n Receipt) String() string { return n.Parent().String() + "/receipts/" + n.Receipt }

// Parent is the tenant of the receipt.
func (n Receipt) Parent() Tenant { return Tenant{n.Tenant} }

// Service is the service that signed a receipt, for example `network`.
func (n Receipt) Service() string {
	parts := strings.Split(n.Receipt, "_")
	if len(parts) != 3 {
		return ""
	}
	return parts[1]
}

// ParseReceipt parses `tenants/{tenant}/receipts/{receipt}`.
func ParseReceipt(s string) (Receipt, error) {
	p, err := parse(s, "tenants/{tenant}/receipts/{receipt}", tenantID, receiptID)
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{p[0], p[1]}, nil
}

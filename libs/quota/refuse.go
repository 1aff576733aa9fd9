package quota

import (
	"fmt"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/errs"
)

// ReasonExceeded is the reason of a refusal.
const ReasonExceeded = "QUOTA_EXCEEDED"

// exceeded names every limit that has no room for a claim, nil when all fit.
func exceeded(claims []Claim, standings []Standing) error {
	var all []errs.QuotaViolation
	var first Standing
	for _, c := range claims {
		if c.Amount == 0 {
			continue // no amount always fits
		}
		i := slices.IndexFunc(standings, c.of)
		if i < 0 || standings[i].Fits(c.Amount) {
			continue
		}
		if len(all) == 0 {
			first = standings[i]
		}
		all = append(all, errs.QuotaViolation{Subject: standings[i].Name(), Description: standings[i].refusal(c.Amount)})
	}
	if len(all) == 0 {
		return nil
	}
	texts := make([]string, len(all))
	for i, v := range all {
		texts[i] = v.Description
	}
	e := errs.New(errs.ResourceExhausted, ReasonExceeded, "%s", strings.Join(texts, "; also, ")).
		With("resource", first.Place).With("quota", first.Name())
	e.Quota = all
	return e
}

// refusal shows the counts of a limit, and the remedy.
func (s Standing) refusal(amount int64) string {
	limit, _ := s.Limit()
	return fmt.Sprintf("the quota %s of %s is %d: %d in use, %d reserved, and %d more asked for; %s",
		words(s.Resource), s.Place, limit, s.InUse, s.Reserved, amount, s.remedy(s.Taken()+amount))
}

// remedy is the way to make room for an amount.
func (s Standing) remedy(wanted int64) string {
	if s.OfTenant() {
		return fmt.Sprintf("delete what is not needed, or have an operator of the platform raise it (`lowlayer quota set %s %s=%d`)",
			s.Place, s.Resource, wanted)
	}
	return fmt.Sprintf("raise it with `lowlayer organisation update %s --quota-%s %d`, or delete what is not needed",
		s.Place, strings.ReplaceAll(s.Resource, "_", "-"), wanted)
}

func words(resource string) string { return strings.ReplaceAll(resource, "_", " ") }

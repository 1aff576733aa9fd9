package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/low-layer/platform/gen/go/resourcename"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

const (
	reasonQuota     = "CLOUD_QUOTA_EXCEEDED"
	reasonCancelled = "CANCELLED"
)

// quotaFlagOf are the flags of `organisation update` by the cloud's name of a quota.
var quotaFlagOf = map[string]string{
	"cores": "--quota-cores", "ram": "--quota-ram-mib", "instances": "--quota-instances", "network": "--quota-networks",
	"router": "--quota-routers", "port": "--quota-ports", "security_group": "--quota-security-groups",
}

// Neutron writes `Quota exceeded for resources: ['router', 'port'].`, Nova `Quota exceeded for cores, ram: Requested 8, …`.
var usedUp = regexp.MustCompile(`(?i)quota exceeded for (?:resources: \[([^\]]*)\]|([a-z_, ]+))`)

// raiseQuota is the command that raises the quotas a blockage names. It is empty for quotas of the cloud itself, which has
// the remedy then.
func raiseQuota(resource string, b *typev1.Blockage) string {
	organisation, ok := organisationOf(resource)
	found := usedUp.FindStringSubmatch(b.GetMessage())
	if b.GetReason() != reasonQuota || !ok || found == nil {
		return ""
	}
	var flags []string
	for _, word := range strings.Split(found[1]+found[2], ",") {
		flag := quotaFlagOf[strings.Trim(word, " '")]
		if flag == "" {
			return ""
		}
		flags = append(flags, flag+" NUMBER")
	}
	slices.Sort(flags)
	return fmt.Sprintf("lowlayer organisation update %s %s", organisation, strings.Join(slices.Compact(flags), " "))
}

// organisationOf is the organisation a resource belongs to, or is, in short.
func organisationOf(resource string) (string, bool) {
	_, ids, _ := resourcename.Of(resource)
	return ids["tenant"] + "/" + ids["organisation"], ids["organisation"] != ""
}

// remedy is the remedy of a blockage, as a command where there is one.
func remedy(resource string, b *typev1.Blockage) string {
	if command := raiseQuota(resource, b); command != "" {
		organisation, _ := organisationOf(resource)
		return fmt.Sprintf("raise the quota, `%s` (`lowlayer organisation get %s -o yaml` shows it, 0 is the platform's default), or delete unused resources; the work goes on by itself",
			command, organisation)
	}
	return b.GetRemedy()
}

// goOn is the command that continues cancelled work on a resource; empty for a deletion and for kinds without an update.
func goOn(m *operationv1.OperationMetadata) string {
	r, _, ok := resourcename.Of(m.GetResource())
	if !ok || m.GetVerb() == "delete" || !slices.Contains([]string{"tenant", "organisation", "vpc"}, r.Singular) {
		return ""
	}
	return "lowlayer " + r.Singular + " update " + shortName(m.GetResource())
}

// awaited is the party or the event that ends a blockage.
func awaited(resource string, b *typev1.Blockage) string {
	if raiseQuota(resource, b) != "" {
		organisation, _ := organisationOf(resource)
		return "room in the quota of " + organisation
	}
	return "the " + ownerWord(b)
}

func ownerWord(b *typev1.Blockage) string {
	switch b.GetOwner() {
	case typev1.Blockage_USER:
		return "user"
	case typev1.Blockage_PROVIDER:
		return "cloud provider"
	default:
		return "operator of the platform"
	}
}

// counted is a number with its noun, for example `1 step` or `2 steps`.
func counted[N int | int32](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// sentence starts a text with a capital and ends it with a stop.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}

package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

// fixed completes a flag with words.
func fixed(cmd *cobra.Command, flag string, words ...string) {
	complete := cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc(flag, complete)) // fails only for a flag that is not defined
}

// modeOf reads a mode; the caller adds its place to the error.
func modeOf(s string) (typev1.ResourceMode, error) {
	if s == "" {
		return typev1.ResourceMode_RESOURCE_MODE_UNSPECIFIED, nil
	}
	v, ok := typev1.ResourceMode_value[strings.ToUpper(s)]
	if !ok || v == 0 {
		return 0, usageError{fmt.Errorf("%q is not one of MUTUALIZED, DEDICATED", s)}
	}
	return typev1.ResourceMode(v), nil
}

// ruleOf parses `name=tcp:443@10.0.0.0/8`, `name=udp:5000-5010@…`, `name=icmp@…`, `name=any@…`.
func ruleOf(s string) (*networkv1.IngressRule, error) {
	bad := usageError{fmt.Errorf("--allow %q is not of the form NAME=PROTOCOL[:PORT[-PORT]]@CIDR, for example office=tcp:443@203.0.113.0/24", s)}
	name, rest, ok := strings.Cut(s, "=")
	what, cidr, ok2 := strings.Cut(rest, "@")
	if !ok || !ok2 || name == "" || cidr == "" {
		return nil, bad
	}
	protocol, ports, hasPorts := strings.Cut(what, ":")
	rule := &networkv1.IngressRule{Name: name, SourceCidr: cidr}
	if !strings.EqualFold(protocol, "any") {
		v, known := networkv1.IngressRule_Protocol_value[strings.ToUpper(protocol)]
		if !known || v == 0 {
			return nil, usageError{fmt.Errorf("--allow %q: there is no protocol %q; use tcp, udp, icmp or any", s, protocol)}
		}
		rule.Protocol = networkv1.IngressRule_Protocol(v)
	}
	if !hasPorts {
		return rule, nil
	}
	first, last, isRange := strings.Cut(ports, "-")
	var err error
	if rule.PortMin, err = rulePort(s, first); err == nil && isRange {
		rule.PortMax, err = rulePort(s, last)
	}
	return rule, err
}

// rulePort reads one port of a rule. 0 is refused: to the API it means every port.
func rulePort(rule, s string) (int32, error) {
	port, err := strconv.ParseUint(s, 10, 16)
	if err != nil || port == 0 {
		return 0, usageError{fmt.Errorf("--allow %q: %q is not a port; a port is 1 to 65535, and every port is allowed without :PORT", rule, s)}
	}
	return int32(port), nil
}

func rulesOf(list []string) ([]*networkv1.IngressRule, error) {
	rules := make([]*networkv1.IngressRule, len(list))
	for i, s := range list {
		r, err := ruleOf(s)
		if err != nil {
			return nil, err
		}
		rules[i] = r
	}
	return rules, nil
}

const limitHelp = "largest number of results; 0 means all"

// listFlags are the flags of every list command.
type listFlags struct {
	filter, orderBy string
	limit           int
	deleted         bool
	resolved        bool
}

func (l *listFlags) add(cmd *cobra.Command, deletable bool) {
	cmd.Flags().StringVar(&l.filter, "filter", "", `AIP-160 filter, for example 'state = ACTIVE AND labels.env = "prod"'`)
	cmd.Flags().StringVar(&l.orderBy, "order-by", "", "field to order by, for example 'create_time' or 'create_time desc'")
	cmd.Flags().IntVar(&l.limit, "limit", 0, limitHelp)
	if deletable {
		cmd.Flags().BoolVar(&l.deleted, "show-deleted", false, "deleted resources too")
	}
}

// pages collects a list page by page, up to the limit.
func pages[M any](limit int, fetch func(size int32, token string) ([]M, string, error)) ([]M, error) {
	const page = 500
	if limit < 0 {
		return nil, usageError{fmt.Errorf("--limit %d is not a number of resources: use 1 or more, or 0 for all", limit)}
	}
	var all []M
	token := ""
	for {
		size := page
		if limit > 0 {
			size = min(page, limit-len(all))
		}
		got, next, err := fetch(int32(size), token)
		if err != nil {
			return nil, err
		}
		all = append(all, got...)
		if next == "" || limit > 0 && len(all) >= limit {
			return all, nil
		}
		token = next
	}
}

func age(t *timestamppb.Timestamp) string {
	if !t.IsValid() {
		return ""
	}
	d := time.Since(t.AsTime())
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

// stateWord is the state in a table.
func stateWord(s typev1.State, b *typev1.Blockage) string {
	if b != nil {
		return fmt.Sprintf("%s (%s: %s)", s, b.GetOwner(), b.GetReason())
	}
	return s.String()
}

// changed are the mask paths of the flags that were given.
func changed(cmd *cobra.Command, paths map[string]string) []string {
	var out []string
	for flag, path := range paths {
		if cmd.Flags().Changed(flag) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

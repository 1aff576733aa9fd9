package cli

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// flagOf are the flags with another name than the field they fill.
var flagOf = map[string]string{
	"ingress_rules": "allow", "vpcs": "vpc", "labels": "label", "peer_vpc": "peer", "resume_token": "since", "types": "type",
	"roles": "role", "page_size": "limit",
}

// flaggedError is an error of the platform with its fields named by flags, too.
type flaggedError struct {
	error
	status *status.Status
}

func (e flaggedError) Unwrap() error { return e.error }

// GRPCStatus is the status that explains the error.
func (e flaggedError) GRPCStatus() *status.Status { return e.status }

// withFlags names the flags of a command in an error that names fields of its request.
func withFlags(cmd *cobra.Command, err error) error {
	s := statusOf(err)
	if s == nil || cmd == nil {
		return err
	}
	p := s.Proto() // a copy
	found := false
	for _, packed := range p.GetDetails() {
		d := &errdetails.BadRequest{}
		if packed.UnmarshalTo(d) != nil {
			continue
		}
		for _, v := range d.GetFieldViolations() {
			flag := flagFor(cmd, v.GetField())
			if flag == "" {
				continue
			}
			found = true
			named := v.GetField() + " (" + flag + ")"
			p.Message = strings.Replace(p.GetMessage(), v.GetField()+": "+v.GetDescription(), named+": "+v.GetDescription(), 1)
			v.Field = named
		}
		if anypb.MarshalFrom(packed, d, proto.MarshalOptions{}) != nil {
			return err
		}
	}
	if !found {
		return err
	}
	return flaggedError{err, status.FromProto(p)}
}

var fieldIndex = regexp.MustCompile(`^(\w+)\[(\d+)\]$`)

// flagFor is the flag of a command that fills a field, for example --allow for `vpc.ingress_rules[0].port_min`, with the
// given value when the flag repeats. It is empty without a flag.
func flagFor(cmd *cobra.Command, field string) string {
	parts := strings.Split(field, ".")
	for i, part := range parts {
		index := -1
		if m := fieldIndex.FindStringSubmatch(part); m != nil {
			part = m[1]
			if n, err := strconv.Atoi(m[2]); err == nil {
				index = n
			}
		}
		if part == "quota" && i+1 < len(parts) {
			part += "_" + parts[i+1]
		}
		name, other := flagOf[part]
		if !other {
			name = strings.ReplaceAll(part, "_", "-")
		}
		flag := cmd.LocalFlags().Lookup(name)
		if flag == nil || flag.Hidden {
			continue
		}
		if list, ok := flag.Value.(interface{ GetSlice() []string }); ok && index >= 0 && index < len(list.GetSlice()) {
			return "--" + name + " " + list.GetSlice()[index]
		}
		return "--" + name
	}
	return ""
}

// keeps adds hidden flags for fields that cannot change, which fail with a remedy.
func keeps(cmd *cobra.Command, remedies map[string]string) {
	for flag := range remedies {
		cmd.Flags().String(flag, "", "cannot change")
		cobra.CheckErr(cmd.Flags().MarkHidden(flag)) // fails only for a flag that is not defined
	}
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		for _, flag := range slices.Sorted(maps.Keys(remedies)) {
			if cmd.Flags().Changed(flag) {
				return usageError{fmt.Errorf("--%s: %s", flag, remedies[flag])}
			}
		}
		return nil
	}
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/receipt"
)

func auditView() view[*auditv1.AuditEvent] {
	return view[*auditv1.AuditEvent]{
		heads: []string{"TIME", "ACTOR", "METHOD", "RESOURCE", "RESULT", "REQUEST"},
		row: func(e *auditv1.AuditEvent) []string {
			result := e.GetCode()
			if e.GetReason() != "" && e.GetReason() != result {
				result += " (" + e.GetReason() + ")"
			}
			return []string{
				e.GetCreateTime().AsTime().Format(receiptTime), caller(e), e.GetMethod()[strings.LastIndexByte(e.GetMethod(), '.')+1:],
				e.GetResource(), result, e.GetRequestId(),
			}
		},
		name:  (*auditv1.AuditEvent).GetName,
		plain: "auditEvents",
	}
}

// caller is the actor of a call, and the one it acted for.
func caller(e *auditv1.AuditEvent) string {
	if e.GetOnBehalfOf() == nil {
		return actorName(e.GetActor())
	}
	return actorName(e.GetActor()) + " for " + actorName(e.GetOnBehalfOf())
}

// actorName is the name of an actor for people.
func actorName(a *auditv1.Actor) string {
	return cmp.Or(a.GetEmail(), a.GetDisplayName(), a.GetSubject())
}

func (a *app) auditCommand() *cobra.Command {
	return group("audit", "Changes of a tenant and refused attempts, each with its caller", nil, a.auditList(), a.auditExport(), a.auditVerify())
}

const uidUsage = "unique id of the tenant, where the name was used more than once; for operators of the platform"

func (a *app) auditList() *cobra.Command {
	var uid string
	cmd := listing(a, auditView(), "audit events", "List the changes of a tenant and refused attempts, newest first",
		`code = "PERMISSION_DENIED" AND create_time > "2026-11-01T00:00:00Z"`, 50,
		func(ctx context.Context, api *client, parent, filter string, size int32, token string) ([]*auditv1.AuditEvent, string, error) {
			r, err := api.audit.ListAuditEvents(ctx, &auditv1.ListAuditEventsRequest{
				Parent: parent, PageSize: size, PageToken: token, Filter: filter, TenantUid: uid,
			})
			if err == nil && r.GetTenantUid() == "" {
				err = noTrail(parent)
			}
			return r.GetAuditEvents(), r.GetNextPageToken(), err
		})
	cmd.Flags().StringVar(&uid, "uid", "", uidUsage)
	return cmd
}

func (a *app) auditExport() *cobra.Command {
	var file, uid string
	cmd := &cobra.Command{
		Use: "export TENANT -f FILE", Short: "Write the whole audit trail of a tenant into a file, to be verified offline", Args: exactly(1), ValidArgsFunction: a.completeTenants,
		Example: "  lowlayer audit export acme -f acme.jsonl\n  lowlayer receipt keys > keys.pem\n  lowlayer audit verify acme.jsonl --key keys.pem",
		RunE: func(cmd *cobra.Command, args []string) error {
			parent, err := tenantName(args[0])
			if err != nil {
				return err
			}
			if file == "" {
				return usageError{errors.New("name the file to write: -f FILE, or -f - for standard output")}
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			n := 0
			err = writeWhole(file, a.streams.Out, func(w io.Writer) error {
				n, err = exportTrail(cmd.Context(), api.audit, &auditv1.ExportAuditEventsRequest{Parent: parent, TenantUid: uid}, w)
				return err
			})
			if err != nil {
				return fmt.Errorf("export the audit trail of %s: %w", parent, err)
			}
			a.note("%d records of %s", n, parent)
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "file to write; - for standard output")
	cmd.Flags().StringVar(&uid, "uid", "", uidUsage)
	return cmd
}

// exportTrail writes every page and returns the number of records. For an unknown tenant, and for one that the caller may not
// see, the platform returns no trail: not even the signed end of an empty one.
func exportTrail(ctx context.Context, api auditv1.AuditServiceClient, req *auditv1.ExportAuditEventsRequest, w io.Writer) (int, error) {
	const page = 500
	req.PageSize = page
	asked := req.GetTenantUid() != "" // the response repeats it, even for an unknown tenant
	n, sealed := 0, false
	for {
		r, err := api.ExportAuditEvents(ctx, req)
		if err != nil {
			return n, err
		}
		for _, e := range r.GetRecords() {
			if err := audit.WriteEntry(w, audit.Entry{Payload: e.GetRecord(), Hash: e.GetHash()}); err != nil {
				return n, err
			}
			n++
		}
		if c := r.GetCheckpoint(); c != nil {
			sealed = true
			if err := audit.WriteCheckpoint(w, envelopeOf(c)); err != nil {
				return n, err
			}
		}
		// All pages belong to the tenant of the first one.
		if req.PageToken = r.GetNextPageToken(); req.PageToken != "" {
			continue
		}
		if n == 0 && !sealed && (asked || r.GetTenantUid() == "") {
			return 0, noTrail(req.GetParent())
		}
		return n, nil
	}
}

// noTrail is the error for a tenant that has no trail for this caller.
func noTrail(tenant string) error { return grpcerr.Status(errs.NotFound("tenant", tenant), "").Err() }

func envelopeOf(m *receiptv1.Envelope) receipt.Envelope {
	e := receipt.Envelope{Payload: m.GetPayload(), PayloadType: m.GetPayloadType()}
	for _, s := range m.GetSignatures() {
		e.Signatures = append(e.Signatures, receipt.Signature{KeyID: s.GetKeyid(), Sig: s.GetSig()})
	}
	return e
}

// writeWhole writes a file that appears only once it is complete; - is standard output.
func writeWhole(file string, out io.Writer, write func(io.Writer) error) error {
	if file == "-" {
		return write(out)
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-")
	if err != nil {
		return usageError{fmt.Errorf("write the file: %w", err)}
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func (a *app) auditVerify() *cobra.Command {
	var keyFiles, kept, services []string
	var server string
	cmd := &cobra.Command{
		Use: "verify FILE --key FILE", Short: "Verify an exported audit trail: that nothing was edited, removed or moved",
		Long: `verify reads the output of "audit export": the records of each service and their signed end. It recomputes every hash, follows
each chain, and checks the signatures. With --key it needs no network. It names the first record that was edited, removed
or moved and ends with an exit code other than 0 unless the export is exactly as the services wrote it.

Earlier exports given with --kept are compared with this one: the trail must still hold their last records. Without one,
an owner of a service's database could rewrite the whole chain, or cut its end, unnoticed.`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(keyFiles) == 0) == (server == "") {
				return usageError{errors.New("give the public keys: --key FILE, or --keys-from SERVER to ask a gateway for them")}
			}
			keys, err := a.verificationKeys(cmd.Context(), keyFiles, server)
			if err != nil {
				return err
			}
			want := audit.Expect{Keys: keys, Services: services}
			for _, file := range kept {
				if err := checkpointsIn(file, &want.Kept); err != nil {
					return err
				}
			}
			chains, err := verifyExport(args[0], want)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return a.printChains(args[0], chains)
		},
	}
	cmd.Flags().StringArrayVar(&keyFiles, "key", nil, "file with public keys as PEM; repeat it")
	cmd.Flags().StringVar(&server, "keys-from", "", "host:port of a gateway to ask for the keys: as far as you trust it")
	cmd.Flags().StringArrayVar(&kept, "kept", nil, "earlier export of the same tenant; repeat it")
	cmd.Flags().StringSliceVar(&services, "service", []string{"tenant", "network"}, "services that must be in it")
	return cmd
}

func verifyExport(file string, want audit.Expect) ([]audit.Chain, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, usageError{fmt.Errorf("read the export: %w", err)}
	}
	defer func() { _ = f.Close() }() // it was only read
	return audit.Verify(f, want)
}

// checkpointsIn adds the checkpoints of an export.
func checkpointsIn(file string, to *[]receipt.Envelope) error {
	f, err := os.Open(file)
	if err != nil {
		return usageError{fmt.Errorf("read the earlier export: %w", err)}
	}
	defer func() { _ = f.Close() }() // it was only read
	n := len(*to)
	err = audit.Read(f, func(l audit.Line) error {
		if l.Checkpoint != nil {
			*to = append(*to, *l.Checkpoint)
		}
		return nil
	})
	if err == nil && len(*to) == n {
		err = errors.New("it has no checkpoint, so there is nothing to compare with")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// printChains prints the content of a good export.
func (a *app) printChains(file string, chains []audit.Chain) error {
	list, lines := make([]audit.Checkpoint, len(chains)), make([]string, len(chains))
	for i, c := range chains {
		list[i] = c.Checkpoint
		lines[i] = fmt.Sprintf("%s: good. %s of %s (%s): %d records, whole and in order until %s.", file, c.Service, c.Tenant, c.TenantUID,
			c.Records, c.Time.Format(receiptTime))
	}
	return a.show(lines, func() { a.println(strings.Join(lines, "\n")) }, map[string]any{"chains": list})
}

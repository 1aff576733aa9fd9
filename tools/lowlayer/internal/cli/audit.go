package cli

import (
	"context"
	"encoding/json"
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

// caller is who called, and for whom where that is another.
func caller(e *auditv1.AuditEvent) string {
	if e.GetOnBehalfOf() == nil {
		return actorName(e.GetActor())
	}
	return actorName(e.GetActor()) + " for " + actorName(e.GetOnBehalfOf())
}

// actorName is what people know an actor by.
func actorName(a *auditv1.Actor) string {
	for _, s := range []string{a.GetEmail(), a.GetDisplayName()} {
		if s != "" {
			return s
		}
	}
	return a.GetSubject()
}

func (a *app) auditCommand() *cobra.Command {
	return group("audit", "Who changed what in a tenant, or tried to", nil, a.auditList(), a.auditExport(), a.auditVerify())
}

const uidUsage = "unique id of the tenant, where the name was used more than once; for operators of the platform"

func (a *app) auditList() *cobra.Command {
	var flags listFlags
	var uid string
	cmd := &cobra.Command{
		Use: "list TENANT", Short: "List the calls that changed something in a tenant, or were refused, newest first", Args: exactly(1), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			parent, err := tenantName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			list, err := pages(flags.limit, func(size int32, token string) ([]*auditv1.AuditEvent, string, error) {
				r, err := api.audit.ListAuditEvents(cmd.Context(), &auditv1.ListAuditEventsRequest{
					Parent: parent, PageSize: size, PageToken: token, Filter: flags.filter, TenantUid: uid,
				})
				if err == nil && r.GetTenantUid() == "" {
					err = noTrail(parent)
				}
				return r.GetAuditEvents(), r.GetNextPageToken(), err
			})
			if err != nil {
				return fmt.Errorf("list audit events of %s: %w", parent, err)
			}
			return printList(a, auditView(), list)
		},
	}
	cmd.Flags().StringVar(&flags.filter, "filter", "", `AIP-160 filter, for example 'code = "PERMISSION_DENIED" AND create_time > "2026-11-01T00:00:00Z"'`)
	cmd.Flags().IntVar(&flags.limit, "limit", 50, "at most so many; 0 means all")
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
				return usageError{errors.New("say where to: -f FILE, or -f - for standard output")}
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

// exportTrail writes every page and answers how many records there are. Of a tenant that never was, and of one whose trail is
// not the caller's to see, the platform answers no trail, which is not even the signed end of an empty one.
func exportTrail(ctx context.Context, api auditv1.AuditServiceClient, req *auditv1.ExportAuditEventsRequest, w io.Writer) (int, error) {
	const page = 500
	req.PageSize = page
	asked := req.GetTenantUid() != "" // the answer repeats it, whether there is such a tenant or not
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
		// All pages are of the very tenant the first is of.
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

// writeWhole writes a file, which is there only once all of it is; - is standard output.
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
		Long: `verify reads what "audit export" writes: each service's records, and where they end, signed. It recomputes every hash, follows
each chain, and checks the signatures. With --key it needs no network. It names the first record that was edited, removed
or moved and ends with an exit code other than 0 unless all of it is as the services wrote it.

Earlier exports given with --kept are held against this one: the trail must still hold what they end with. Without one it
is not found when whoever owns a service's database wrote the whole chain anew, or cut its end.`,
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

// printChains says what a good export holds.
func (a *app) printChains(file string, chains []audit.Chain) error {
	if a.output == "json" || a.output == "yaml" {
		list := make([]audit.Checkpoint, len(chains))
		for i, c := range chains {
			list[i] = c.Checkpoint
		}
		data, err := json.Marshal(map[string]any{"chains": list})
		if err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return a.printData(data)
	}
	for _, c := range chains {
		if err := a.println(fmt.Sprintf("%s: good. %s of %s (%s): %d records, whole and in order until %s.", file, c.Service, c.Tenant, c.TenantUID,
			c.Records, c.Time.Format(receiptTime))); err != nil {
			return err
		}
	}
	return nil
}

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	"github.com/low-layer/platform/libs/receipt"
)

func receiptView() view[*receiptv1.Receipt] {
	return view[*receiptv1.Receipt]{
		heads: []string{"RECEIPT", "KIND", "RESOURCE", "OBJECTS", "SERVICE", "AGE"},
		row: func(r *receiptv1.Receipt) []string {
			return []string{shortName(r.GetName()), r.GetKind(), r.GetResource(), strconv.Itoa(len(r.GetObjects())), r.GetService(), age(r.GetCreateTime())}
		},
		name:  (*receiptv1.Receipt).GetName,
		plain: "receipts",
	}
}

func (a *app) receiptCommand() *cobra.Command {
	return group("receipt", "Signed proofs that nothing is left of what was deleted", []string{"receipts"},
		a.receiptList(), a.receiptGet(), a.receiptKeys(), a.receiptVerify())
}

func (a *app) receiptList() *cobra.Command {
	var flags listFlags
	cmd := &cobra.Command{
		Use: "list TENANT", Short: "List the receipts of everything that was removed under a tenant", Args: exactly(1), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			parent, err := tenantName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			list, err := pages(flags.limit, func(size int32, token string) ([]*receiptv1.Receipt, string, error) {
				r, err := api.receipts.ListReceipts(cmd.Context(), &receiptv1.ListReceiptsRequest{Parent: parent, PageSize: size, PageToken: token, Filter: flags.filter})
				return r.GetReceipts(), r.GetNextPageToken(), err
			})
			if err != nil {
				return fmt.Errorf("list receipts of %s: %w", parent, err)
			}
			return printList(a, receiptView(), list)
		},
	}
	cmd.Flags().StringVar(&flags.filter, "filter", "", `AIP-160 filter, for example 'kind = "vpc" AND create_time > "2026-11-01T00:00:00Z"'`)
	cmd.Flags().IntVar(&flags.limit, "limit", 0, "at most so many; 0 means all")
	return cmd
}

func (a *app) receiptGet() *cobra.Command {
	return &cobra.Command{
		Use: "get RECEIPT", Short: "Show a receipt; with -o json write its envelope, which is what is verified", Args: exactly(1),
		Example: "  lowlayer receipt get acme/rcpt_network_… -o json > receipt.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			api, err := a.dial()
			if err != nil {
				return err
			}
			name, err := a.receiptNamed(cmd.Context(), api, args[0])
			if err != nil {
				return err
			}
			r, err := api.receipts.GetReceipt(cmd.Context(), &receiptv1.GetReceiptRequest{Name: name})
			if err != nil {
				return fmt.Errorf("get %s: %w", name, err)
			}
			return a.printReceipt(r)
		},
	}
}

func (a *app) printReceipt(r *receiptv1.Receipt) error {
	switch a.output {
	case "name":
		return a.println(r.GetName())
	case "table":
		return a.drawReceipt(r)
	}
	data, err := protojson.Marshal(r.GetEnvelope())
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return a.printData(data)
}

// drawReceipt shows what the receipt says, object by object.
func (a *app) drawReceipt(r *receiptv1.Receipt) error {
	if err := printTable(a.streams.Out, receiptView().heads, [][]string{receiptView().row(r)}); err != nil {
		return err
	}
	rows := make([][]string, len(r.GetObjects()))
	for i, o := range r.GetObjects() {
		seen := "-"
		if o.GetLastSeenTime().IsValid() {
			seen = o.GetLastSeenTime().AsTime().Format(receiptTime)
		}
		rows[i] = []string{o.GetType(), o.GetId(), o.GetName(), seen, o.GetGoneTime().AsTime().Format(receiptTime), o.GetCheck().String()}
	}
	if err := a.println(""); err != nil {
		return err
	}
	return printTable(a.streams.Out, []string{"OBJECT", "ID", "NAME", "LAST SEEN", "GONE", "VERIFIED BY"}, rows)
}

const receiptTime = "2006-01-02T15:04:05Z"

// receiptNamed is the full name of a receipt. One without its tenant is of the only tenant that the person sees.
func (a *app) receiptNamed(ctx context.Context, api *client, s string) (string, error) {
	if strings.Contains(s, "/") {
		return receiptName(s)
	}
	if _, err := receiptName("acme/" + s); err != nil {
		return "", usageError{fmt.Errorf("%q is not the id of a receipt: write it as `lowlayer receipt list` does, like acme/rcpt_network_…", s)}
	}
	tenant, err := onlyTenant(ctx, api, fmt.Sprintf("say whose receipt it is: lowlayer receipt get TENANT/%s", s))
	if err != nil {
		return "", err
	}
	return receiptName(lastPart(tenant) + "/" + s)
}

func (a *app) receiptKeys() *cobra.Command {
	return &cobra.Command{
		Use: "keys", Short: "Show the public keys that receipts are signed with, as PEM; -o json tells whose they are, too", Args: exactly(0),
		Example: "  lowlayer receipt keys > keys.pem\n  lowlayer receipt verify receipt.json --key keys.pem",
		RunE: func(cmd *cobra.Command, _ []string) error {
			api, err := a.dial()
			if err != nil {
				return err
			}
			r, err := api.receipts.ListReceiptKeys(cmd.Context(), &receiptv1.ListReceiptKeysRequest{})
			if err != nil {
				return fmt.Errorf("list the keys of receipts: %w", err)
			}
			if a.output == "json" || a.output == "yaml" {
				data, err := jsonForm.Marshal(r)
				if err != nil {
					return fmt.Errorf("print: %w", err)
				}
				return a.printData(data)
			}
			for _, k := range r.GetKeys() {
				line := strings.TrimSpace(k.GetPublicKey())
				if a.output == "name" {
					line = k.GetKeyId()
				}
				if err := a.println(line); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func (a *app) receiptVerify() *cobra.Command {
	var keyFiles []string
	var server string
	cmd := &cobra.Command{
		Use: "verify FILE… --key FILE", Short: "Verify receipts: who signed them, that nothing was changed, that everything is gone",
		Long: `verify reads envelopes as "receipt get -o json" writes them and checks each: its form, the key, the signature, and that
every object it names was verified gone. With --key it needs no network. It names the check that failed and ends with an
exit code other than 0 unless all of them hold.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(keyFiles) == 0) == (server == "") {
				return usageError{errors.New("give the public keys: --key FILE, or --keys-from SERVER to ask a gateway for them")}
			}
			keys, err := a.verificationKeys(cmd.Context(), keyFiles, server)
			if err != nil {
				return err
			}
			var failed error
			for _, file := range args {
				if err := a.verifyFile(file, keys); err != nil {
					failed = errors.Join(failed, fmt.Errorf("%s: %w", file, err))
				}
			}
			return failed
		},
	}
	cmd.Flags().StringArrayVar(&keyFiles, "key", nil, "file with public keys as PEM; repeat it")
	cmd.Flags().StringVar(&server, "keys-from", "", "host:port of a gateway to ask for the keys: as far as you trust it")
	return cmd
}

func (a *app) verificationKeys(ctx context.Context, files []string, server string) ([]receipt.Key, error) {
	if server != "" {
		return fetchKeys(ctx, server, a.note)
	}
	var keys []receipt.Key
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, usageError{fmt.Errorf("read the key: %w", err)}
		}
		found, err := receipt.ParseKeys(string(text))
		if err != nil || len(found) == 0 {
			return nil, usageError{fmt.Errorf("%s: holds no public key: %w", file, err)}
		}
		keys = append(keys, found...)
	}
	return keys, nil
}

func fetchKeys(ctx context.Context, server string, note func(string, ...any)) ([]receipt.Key, error) {
	api, err := newClient(server, note)
	if err != nil {
		return nil, err
	}
	defer func() { _ = api.conn.Close() }() // nothing was sent that could be lost
	resp, err := api.receipts.ListReceiptKeys(ctx, &receiptv1.ListReceiptKeysRequest{})
	if err != nil {
		return nil, fmt.Errorf("get the keys of %s: %w", server, err)
	}
	var keys []receipt.Key
	for _, k := range resp.GetKeys() {
		found, err := receipt.ParseKeys(k.GetPublicKey())
		if err != nil {
			return nil, fmt.Errorf("key %s of %s: %w", k.GetKeyId(), server, err)
		}
		keys = append(keys, found...)
	}
	return keys, nil
}

// verifyFile says what a good receipt proves.
func (a *app) verifyFile(file string, keys []receipt.Key) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return usageError{fmt.Errorf("read the receipt: %w", err)}
	}
	e, err := receipt.ParseEnvelope(text)
	if err != nil {
		return err
	}
	r, err := receipt.Verify(e, keys)
	if err != nil {
		return err
	}
	if a.output == "json" || a.output == "yaml" {
		data, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return a.printData(data)
	}
	return a.println(fmt.Sprintf("%s: good. %s %s is gone since %s: %d objects verified gone, nothing left (%s).", file, r.Kind, r.Resource,
		r.EndTime.Format(receiptTime), len(r.Objects), r.Inventory.Scope))
}

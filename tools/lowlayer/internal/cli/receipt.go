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
	return listing(a, receiptView(), "receipts", "List the receipts of all deletions in a tenant",
		`kind = "vpc" AND create_time > "2026-11-01T00:00:00Z"`, 0,
		func(ctx context.Context, api *client, parent, filter string, size int32, token string) ([]*receiptv1.Receipt, string, error) {
			r, err := api.receipts.ListReceipts(ctx, &receiptv1.ListReceiptsRequest{Parent: parent, PageSize: size, PageToken: token, Filter: filter})
			return r.GetReceipts(), r.GetNextPageToken(), err
		})
}

func (a *app) receiptGet() *cobra.Command {
	return &cobra.Command{
		Use: "get RECEIPT", Short: "Show a receipt; with -o json write its envelope, the part to verify", Args: exactly(1),
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
	data, err := protojson.Marshal(r.GetEnvelope())
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return a.show([]string{r.GetName()}, func() { a.drawReceipt(r) }, json.RawMessage(data))
}

// drawReceipt shows the receipt object by object.
func (a *app) drawReceipt(r *receiptv1.Receipt) {
	a.table(receiptView().heads, [][]string{receiptView().row(r)})
	rows := make([][]string, len(r.GetObjects()))
	for i, o := range r.GetObjects() {
		seen := "-"
		if o.GetLastSeenTime().IsValid() {
			seen = o.GetLastSeenTime().AsTime().Format(receiptTime)
		}
		rows[i] = []string{o.GetType(), o.GetId(), o.GetName(), seen, o.GetGoneTime().AsTime().Format(receiptTime), o.GetCheck().String()}
	}
	a.println("")
	a.table([]string{"OBJECT", "ID", "NAME", "LAST SEEN", "GONE", "VERIFIED BY"}, rows)
}

const receiptTime = "2006-01-02T15:04:05Z"

// receiptNamed returns the full name of a receipt. A name without a tenant belongs to the only tenant that the person sees.
func (a *app) receiptNamed(ctx context.Context, api *client, s string) (string, error) {
	if strings.Contains(s, "/") {
		return receiptName(s)
	}
	if _, err := receiptName("acme/" + s); err != nil {
		return "", usageError{fmt.Errorf("%q is not the id of a receipt: write it as `lowlayer receipt list` does, like acme/rcpt_network_…", s)}
	}
	tenant, err := onlyTenant(ctx, api, fmt.Sprintf("name the tenant of the receipt: lowlayer receipt get TENANT/%s", s))
	if err != nil {
		return "", err
	}
	return receiptName(lastPart(tenant) + "/" + s)
}

func (a *app) receiptKeys() *cobra.Command {
	return &cobra.Command{
		Use: "keys", Short: "Show the public keys that receipts are signed with, as PEM; -o json adds their services", Args: exactly(0),
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
			var names []string
			for _, k := range r.GetKeys() {
				names = append(names, k.GetKeyId())
			}
			return a.show(names, func() {
				for _, k := range r.GetKeys() {
					a.println(strings.TrimSpace(k.GetPublicKey()))
				}
			}, r)
		},
	}
}

func (a *app) receiptVerify() *cobra.Command {
	var keyFiles []string
	var server string
	cmd := &cobra.Command{
		Use: "verify FILE… --key FILE", Short: "Verify receipts: their signer, that they are unchanged, that everything is gone",
		Long: `verify reads envelopes as "receipt get -o json" writes them and checks each: its form, the key, the signature, and that
every object it names was verified gone. With --key it needs no network. It names the check that failed and ends with an
exit code other than 0 unless all of them hold.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("name the files of the receipts: lowlayer receipt verify FILE… --key FILE")}
			}
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
		if err == nil && len(found) == 0 {
			err = errors.New("the file holds no public key as PEM")
		}
		if err != nil {
			return nil, usageError{fmt.Errorf("read the key %s: %w", file, err)}
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

// verifyFile prints the proof of a good receipt.
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
	good := fmt.Sprintf("%s: good. %s %s is gone since %s: %d objects verified gone, nothing left (%s).", file, r.Kind, r.Resource,
		r.EndTime.Format(receiptTime), len(r.Objects), r.Inventory.Scope)
	return a.show([]string{good}, func() { a.println(good) }, r)
}

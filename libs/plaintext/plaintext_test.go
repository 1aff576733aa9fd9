package plaintext_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/plaintext"
)

// order is a request with text of every shape: alone, in a list, in a map, nested.
func order(name, rule, key, value string) *networkv1.CreateVpcRequest {
	return &networkv1.CreateVpcRequest{Parent: "tenants/acme", RequestId: name, Vpc: &networkv1.Vpc{
		DisplayName: name, Labels: map[string]string{key: value}, IngressRules: []*networkv1.IngressRule{{Name: "ok"}, {Name: rule}},
	}}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	const plain = "Ünï\tcode\r\n世界 👍 \u202e" // bidi controls are text: the terminal escapes them
	for name, c := range map[string]struct {
		m    proto.Message
		want string
	}{
		"plain":       {order(plain, plain, plain, plain), ""},
		"NUL":         {order("a\x00", "", "", ""), "request_id: must be text in UTF-8 without NUL; vpc.display_name: must be text in UTF-8 without NUL"},
		"not UTF-8":   {order("", "a\xff", "", ""), "vpc.ingress_rules[1].name: must be text in UTF-8"},
		"map value":   {order("", "", "k", "\x00"), `vpc.labels["k"]: must be text in UTF-8`},
		"map key":     {order("", "", "k\x00", ""), `vpc.labels["k\x00"]: must be text in UTF-8`},
		"escape":      {order("", "\x1b[2J", "", ""), "vpc.ingress_rules[1].name: must not hold the control character U+001B; remove it"},
		"C1":          {order("", "\u009b", "", ""), "U+009B"},
		"delete":      {order("", "\x7f", "", ""), "U+007F"},
		"text list":   {&tenantv1.Member{Name: "a", Email: "b\x07"}, "email: must not hold the control character U+0007"},
		"bytes field": {&tenantv1.Tenant{}, ""},
	} {
		var got []string
		for _, v := range plaintext.Check(c.m) {
			text, _, _ := strings.Cut(v.Description, "; remove the bytes")
			got = append(got, v.Field+": "+text)
		}
		if all := strings.Join(got, "; "); (c.want == "") != (all == "") || !strings.Contains(all, c.want) {
			t.Errorf("%s: got %q, want %q", name, all, c.want)
		}
	}
}

// wire writes a message with the text "BAD" and replaces it there by bytes that no message can hold.
func wire(t *testing.T, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.ReplaceAll(string(data), "BAD", "a\xff\xc3"))
}

func TestUnmarshal_bytesThatAreNotUTF8_becomeNUL(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]*networkv1.CreateVpcRequest{
		"vpc.display_name":          {Parent: "p", Vpc: &networkv1.Vpc{DisplayName: "BAD"}},
		"vpc.ingress_rules[0].name": order("", "", "", ""),
		`vpc.labels["k"]`:           order("", "", "k", "BAD"),
		"parent":                    {Parent: "BAD"},
	} {
		if want == "vpc.ingress_rules[0].name" {
			m.Vpc.IngressRules[0].Name = "BAD"
		}
		data := wire(t, m)
		kept := string(data)
		for name, read := range map[string]func(proto.Message) error{
			"Unmarshal": func(m proto.Message) error { return plaintext.Unmarshal(data, m) },
			"Codec": func(m proto.Message) error {
				return plaintext.Codec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, m)
			},
		} {
			var got networkv1.CreateVpcRequest
			if err := read(&got); err != nil {
				t.Errorf("%s: %s: %v", name, want, err)
				continue
			}
			if v := plaintext.Check(&got); len(v) != 1 || v[0].Field != want {
				t.Errorf("%s: got %v, want %s", name, v, want)
			}
			if string(data) != kept {
				t.Errorf("%s: it wrote into the caller's bytes", name)
			}
		}
	}
}

func TestUnmarshal_malformedBytes_fail(t *testing.T) {
	t.Parallel()
	deep := []byte{}
	for range 5000 {
		deep = append([]byte{0x12, 0xff, 0x01}, deep...)
	}
	for name, data := range map[string][]byte{"truncated": {0x0a, 0x05, 'a'}, "tag": {0xff}, "deep": deep} {
		if err := plaintext.Unmarshal(data, &networkv1.CreateVpcRequest{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Every accepted message can be marshalled again, and has no text that is not UTF-8.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte("\n\x01a\x12\x05\n\x03\xff\x00a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m networkv1.CreateVpcRequest
		if plaintext.Unmarshal(data, &m) != nil {
			return
		}
		if _, err := proto.Marshal(&m); err != nil {
			t.Error(err)
		}
	})
}

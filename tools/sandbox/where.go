package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/tools/stack"
)

// printPlaces prints all addresses and example calls. The commands work as printed, after the exports.
func (set settings) printPlaces(out io.Writer, s *stack.Stack, exports []string) {
	a := s.Addresses()
	say(out, "Where to look")
	row := func(what, format string, args ...any) { say(out, "  %-15s "+format, append([]any{what}, args...)...) }
	if len(exports) > 0 {
		row("first", "export %s", strings.Join(exports, " "))
	}
	row("REST and gRPC", "http://%s          the whole API on one port", a.Gateway)
	row("API explorer", "http://%s/docs     try every call in the browser", a.Gateway)
	row("OpenAPI", "http://%s/openapi.json", a.Gateway)
	curl, grpcurl := "curl", ".bin/grpcurl/grpcurl -plaintext"
	if s.Issuer() != "" {
		row("issuer", "%s", s.Issuer())
		row("operator", "%s, password %s; the pages that ask for a one-time code tell it", stack.OperatorEmail, stack.Password)
		row("log in", "bin/lowlayer login --mfa --issuer %s", s.Issuer())
		header := `"Authorization: Bearer $(bin/lowlayer token)"`
		curl, grpcurl = "curl -H "+header, grpcurl+" -H "+header
	}
	row("CLI", "bin/lowlayer tree tenants/acme")
	row("curl", "%s http://%s/v1/tenants/acme/organisations/core/vpcs", curl, a.Gateway)
	if _, err := os.Stat(filepath.Join(set.checkout, ".bin", "grpcurl", "grpcurl")); err == nil { // a tool that is built on demand
		row("grpcurl", `%s -d '{"name": "tenants/acme"}' %s lowlayer.tenant.v1.TenantService/GetTenant`, grpcurl, a.Gateway)
	}
	var services, metrics []string
	for _, service := range registry.Names(registry.Public()) {
		services, metrics = append(services, service+" "+a.Of(service)), append(metrics, service+" "+a.Admin(service))
	}
	row("services", "%s (gRPC with reflection)", strings.Join(services, ", "))
	if dir := s.TLSDir(access.Operator); s.Issuer() != "" {
		at := func(file string) string { return filepath.Join(dir, file) }
		row("", "they ask for a certificate: grpcurl -cacert %s -cert %s -key %s, and the token as above",
			at(mtls.AuthorityFile), at(mtls.CertFile), at(mtls.KeyFile))
	}
	row("metrics, pprof", "http://%s/metrics  and the same of %s", a.Admin(registry.Gateway), strings.Join(metrics, ", "))
	file, cloud := s.Clouds()
	row("OpenStack", "OS_CLIENT_CONFIG_FILE=%s OS_CLOUD=%s", file, cloud)
	row("logs and data", "%s", s.Dir())
	if s.Issuer() == "" {
		say(out, "\nIt runs without logins: every user of this machine may do everything. `%s=1 make up` runs it with logins.", identityVariable)
	}
}

// addressExport is what the CLI needs to find a platform that is not at the usual address.
func addressExport(s *stack.Stack) []string {
	if s.Addresses().Gateway == stack.Defaults().Gateway {
		return nil
	}
	return []string{"LOWLAYER_ADDRESS=" + s.Addresses().Gateway}
}

// say prints a line; a terminal that has gone away is no reason to stop.
func say(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, format+"\n", args...)
}

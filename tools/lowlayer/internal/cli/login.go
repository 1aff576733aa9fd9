package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/oauth2"

	"github.com/low-layer/platform/libs/loopback"
	"github.com/low-layer/platform/libs/realm"
)

// loginFlags are the flags of login.
type loginFlags struct {
	issuer    string
	noBrowser bool
	wait      bool
	mfa       bool
}

func (a *app) loginCommand() *cobra.Command {
	var f loginFlags
	cmd := &cobra.Command{
		Use: "login", Short: "Log in with your browser", Args: exactly(0),
		Long: `login shows an address and a code. Open the address in any browser, on this machine or another, enter the code and log in.

With --mfa it logs in through this machine's browser with a one-time password, which deletions and reading credentials need.
The login is kept in the operating system's keyring, or in a file that only you can read, and renewed by itself. A program
logs in as its service account with LOWLAYER_ISSUER, LOWLAYER_CLIENT_ID and LOWLAYER_CLIENT_SECRET, or sets LOWLAYER_TOKEN.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.login(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.issuer, "issuer", os.Getenv(issuerVariable), "address of the platform's realm (LOWLAYER_ISSUER); default that of the last login")
	flags.BoolVar(&f.noBrowser, "no-browser", false, "only print the address")
	flags.BoolVar(&f.wait, "wait", false, "wait for the login without a terminal, too")
	flags.BoolVar(&f.mfa, "mfa", false, "log in with a one-time password, for calls that need the second level")
	return cmd
}

func (a *app) login(ctx context.Context, f loginFlags) error {
	if !a.terminal() && !f.wait {
		return usageError{fmt.Errorf("there is no terminal to log in at: set %s for a program, run `lowlayer login` at a terminal, or add --wait", tokenVariable)}
	}
	if f.issuer == "" {
		c, _, err := loadCredential(a.address)
		if err != nil && !errors.Is(err, errNoCredential) {
			return err
		}
		if f.issuer = c.Issuer; f.issuer == "" {
			return usageError{errors.New("the issuer is not known yet: give --issuer or LOWLAYER_ISSUER, for example https://id.example.com/realms/lowlayer; `make status` shows that of a sandbox")}
		}
	}
	p, err := discover(ctx, f.issuer)
	if err != nil {
		return err
	}
	cfg := &oauth2.Config{ClientID: realm.CLIClient, Scopes: []string{"openid"}, Endpoint: oauth2.Endpoint{
		AuthURL: p.Auth, TokenURL: p.Token, DeviceAuthURL: p.Device, AuthStyle: oauth2.AuthStyleInParams,
	}}
	flow := a.deviceLogin
	if f.mfa {
		flow = a.browserLogin
	}
	token, err := flow(ctx, cfg, f.noBrowser)
	if err != nil {
		return err
	}
	kept, err := storeCredential(a.address, credential{
		Issuer: p.Issuer, TokenEndpoint: p.Token, EndSession: p.End, Access: token.AccessToken, Refresh: token.RefreshToken, Expiry: token.Expiry,
	})
	if err != nil {
		return err
	}
	who := claimsOf(token.AccessToken)
	a.note("Logged in as %s; the login is kept in %s.", who.who(), kept.name())
	return nil
}

// provider is the configuration of an issuer.
type provider struct {
	Issuer string `json:"issuer"`
	Auth   string `json:"authorization_endpoint"`
	Token  string `json:"token_endpoint"`
	Device string `json:"device_authorization_endpoint"`
	End    string `json:"end_session_endpoint"`
}

const maxDiscovery = 1 << 20

func discover(ctx context.Context, issuer string) (provider, error) {
	var p provider
	issuer = strings.TrimRight(issuer, "/")
	u, err := url.Parse(issuer)
	if err != nil || !loopback.Secure(u) {
		return p, usageError{fmt.Errorf("issuer %q: give an https address, such as https://id.example.com/realms/lowlayer", issuer)}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		return p, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return p, fmt.Errorf("ask %s how to log in: %w", issuer, err)
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, maxDiscovery)).Decode(&p)
	err = errors.Join(err, resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("it responds with %s", resp.Status)
	}
	if err != nil {
		return p, fmt.Errorf("ask %s how to log in: %w", issuer, err)
	}
	if p.Issuer != issuer { // another issuer must not get the login
		return p, fmt.Errorf("%s says it is %q: check --issuer", issuer, p.Issuer)
	}
	return p, nil
}

func (a *app) deviceLogin(ctx context.Context, cfg *oauth2.Config, noBrowser bool) (*oauth2.Token, error) {
	verifier := oauth2.GenerateVerifier()
	d, err := cfg.DeviceAuth(ctx, oauth2.S256ChallengeOption(verifier))
	if err != nil {
		return nil, fmt.Errorf("begin to log in: %w", err)
	}
	_, _ = fmt.Fprintf(a.streams.Err, "Open %s\nand enter the code %s (good for %s)\n", d.VerificationURI, d.UserCode, time.Until(d.Expiry).Round(time.Minute))
	if !noBrowser && a.terminal() {
		_ = openBrowser(ctx, d.VerificationURIComplete) // the address stands above
	}
	token, err := cfg.DeviceAccessToken(ctx, d, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, loginError(err)
	}
	return token, nil
}

// loginError puts an error of the provider in words.
func loginError(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		switch refused.ErrorCode {
		case "access_denied":
			return errors.New("the login was refused in the browser")
		case "expired_token":
			return errors.New("the code expired before the login: run `lowlayer login` again")
		}
	}
	return fmt.Errorf("log in: %w", err)
}

// openBrowser may fail: the address is printed too.
func openBrowser(ctx context.Context, address string) error {
	program, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		program = "open"
	case "windows":
		program, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	return exec.CommandContext(ctx, program, args...).Start() //nolint:gosec // the address is the provider's
}

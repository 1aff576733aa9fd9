package cli

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/low-layer/platform/libs/realm"
)

// claims are the claims of a token. They are shown, never decided by: only the platform verifies.
type claims struct {
	Subject  string   `json:"subject"`
	Name     string   `json:"name,omitempty"`
	Email    string   `json:"email,omitempty"`
	ClientID string   `json:"clientId,omitempty"`
	Issuer   string   `json:"issuer"`
	Groups   []string `json:"groups"`
	Level    string   `json:"level"`
	Expires  string   `json:"expires"`
	Source   string   `json:"source"`
}

func (c claims) who() string {
	return cmp.Or(c.Email, c.ClientID, c.Name, c.Subject, "an unknown account")
}

func claimsOf(token string) claims {
	var raw struct {
		Sub, Name, Email, Iss, Acr string
		ClientID                   string `json:"client_id"`
		Groups                     []string
		Exp                        int64
	}
	if parts := strings.Split(token, "."); len(parts) == 3 {
		if data, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(data, &raw) // an unreadable part is not shown
		}
	}
	c := claims{
		Subject: raw.Sub, Name: raw.Name, Email: raw.Email, ClientID: raw.ClientID, Issuer: raw.Iss, Groups: raw.Groups, Level: raw.Acr,
	}
	if raw.Exp > 0 {
		c.Expires = time.Unix(raw.Exp, 0).UTC().Format(time.RFC3339)
	}
	return c
}

func (a *app) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Show who you are logged in as, and your roles", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			token, source, err := a.heldToken(cmd.Context())
			if err != nil {
				return err
			}
			c := claimsOf(token)
			c.Source = source
			return a.printClaims(c)
		},
	}
}

// heldToken returns the token that calls carry and its source.
func (a *app) heldToken(ctx context.Context) (token, source string, err error) {
	switch {
	case os.Getenv(tokenVariable) != "":
		source = tokenVariable
	case os.Getenv(clientVariable) != "":
		source = clientVariable
	default:
		_, v, err := loadCredential(a.address)
		if errors.Is(err, errNoCredential) {
			return "", "", notLoggedIn{}
		}
		if err != nil {
			return "", "", err
		}
		source = v.name()
	}
	token, err = (&tokens{address: a.address}).current(ctx)
	return token, source, err
}

func (a *app) tokenCommand() *cobra.Command {
	return &cobra.Command{
		Use: "token", Short: "Print your access token, for scripts", Args: exactly(0),
		Long: `token prints the access token that calls carry, renewed when it is near its end. It gives your rights to any holder for
some minutes: use it at once, and keep it out of files and logs.`,
		Example: `  curl -H "Authorization: Bearer $(lowlayer token)" http://127.0.0.1:8080/v1/tenants`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			token, _, err := a.heldToken(cmd.Context())
			if err != nil {
				return err
			}
			return a.show([]string{token}, func() { a.println(token) }, map[string]string{"token": token, "expires": claimsOf(token).Expires})
		},
	}
}

// notLoggedIn is the error of a command that needs a login.
type notLoggedIn struct{}

func (notLoggedIn) Error() string {
	return "you are not logged in: run `lowlayer login`; a program sets " + issuerVariable + ", " + clientVariable + " and " + secretVariable + ", or " + tokenVariable
}

func (a *app) printClaims(c claims) error {
	return a.show([]string{c.who()}, func() {
		groups := strings.Join(c.Groups, "\n")
		a.printf("%s\nissuer   %s\nlevel    %s\nexpires  %s\nkept in  %s\nroles:\n%s", c.who(), c.Issuer, c.Level, c.Expires, c.Source, cmp.Or(groups, "none"))
	}, c)
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "End your login", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := loadCredential(a.address)
			if errors.Is(err, errNoCredential) {
				a.note("You are not logged in.")
				return nil
			}
			if err != nil {
				return err
			}
			all, err := vaults()
			if err != nil {
				return err
			}
			for _, v := range all {
				err = errors.Join(err, v.drop(a.address))
			}
			if err != nil {
				return err
			}
			if err := endSession(cmd.Context(), c); err != nil {
				a.note("The login is removed here, but the session at %s could not be ended: %v", c.Issuer, err)
				return nil
			}
			a.note("Logged out.")
			return nil
		},
	}
}

func endSession(ctx context.Context, c credential) error {
	if c.EndSession == "" || c.Refresh == "" {
		return nil
	}
	form := url.Values{"client_id": {realm.CLIClient}, "refresh_token": {c.Refresh}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.EndSession, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	// A session that has ended already is no error.
	if resp.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("it responds with %s", resp.Status)
	}
	return nil
}

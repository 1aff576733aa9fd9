package realm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// api is the admin API of one realm.
type api struct {
	base, realm    string
	user, password string
	token          string
	http           *http.Client
}

// statusError is a response without success.
type statusError struct {
	method, path, text string
	status             int
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s %s: %d %s", e.method, e.path, e.status, e.text)
}

func isStatus(err error, status int) bool {
	var e *statusError
	return errors.As(err, &e) && e.status == status
}

func existsIsFine(err error) error {
	if isStatus(err, http.StatusConflict) {
		return nil
	}
	return err
}

func absentIsFine(err error) error {
	if isStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}

func escape(s string) string { return url.QueryEscape(s) }

// login gets a token. Those of administrators live for a minute, so a long setup logs in again on the way.
func (a *api) login(ctx context.Context) error {
	form := url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {a.user}, "password": {a.password}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/realms/master/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var out struct {
		AccessToken string `json:"access_token"`
	}
	if err := a.send(req, &out); err != nil {
		return err
	}
	a.token = out.AccessToken
	return nil
}

// do calls below the realm.
func (a *api) do(ctx context.Context, method, path string, in, out any) error {
	return a.root(ctx, method, "/admin/realms/"+a.realm+path, in, out)
}

func (a *api) root(ctx context.Context, method, path string, in, out any) error {
	err := a.once(ctx, method, path, in, out)
	if !isStatus(err, http.StatusUnauthorized) {
		return err
	}
	if err := a.login(ctx); err != nil {
		return err
	}
	return a.once(ctx, method, path, in, out)
}

func (a *api) once(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	return a.send(req, out)
}

const maxAnswer = 8 << 20

func (a *api) send(req *http.Request, out any) error {
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return &statusError{method: req.Method, path: req.URL.Path, status: resp.StatusCode, text: strings.TrimSpace(string(data[:min(len(data), 300)]))}
	}
	if out == nil || len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, err)
	}
	return nil
}

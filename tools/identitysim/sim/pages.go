package sim

import (
	"encoding/base32"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	loginCookie = "AUTH_SESSION_ID"
	ssoCookie   = "KEYCLOAK_IDENTITY"
	// otpFresh is how long a one-time password counts for the second level.
	otpFresh = 300 * time.Second
)

var pages = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>body{font:16px system-ui;max-width:24rem;margin:4rem auto;padding:0 1rem}
label,input,button{display:block;width:100%;box-sizing:border-box;margin:.4rem 0}input,button{padding:.6rem;font:inherit}.e{color:#b00}</style></head>
<body><h1>{{.Title}}</h1>{{with .Error}}<p class="e">{{.}}</p>{{end}}<p>{{.Text}}</p>
{{if .Action}}<form method="{{.Method}}" action="{{.Action}}">{{range .Fields}}{{if .Label}}<label for="{{.Name}}">{{.Label}}</label>{{end}}
<input id="{{.Name}}" name="{{.Name}}" type="{{.Type}}" value="{{.Value}}">{{end}}<button type="submit"{{with .Submit}} name="{{.}}" value="Yes"{{end}}>{{.Button}}</button></form>{{end}}
</body></html>`))

type field struct{ Name, Label, Type, Value string }

type sheet struct {
	Title, Text, Error, Method, Action, Button, Submit string
	Fields                                             []field
}

func (c *call) show(status int, p sheet) *fault {
	if p.Method == "" {
		p.Method = "post"
	}
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.w.WriteHeader(status)
	_ = pages.Execute(c.w, p) // the caller went away
	return nil
}

func (c *call) cookie(name, value string) {
	http.SetCookie(c.w, &http.Cookie{
		Name: name, Value: value, Path: "/realms/" + c.realm.Name + "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// begin starts a person's way through the pages, with what an earlier login in the same browser is worth.
func (c *call) begin(l *login) *fault {
	l.ID = encode(random(18))
	if ck, err := c.r.Cookie(ssoCookie); err == nil {
		if se := c.realm.Sessions[ck.Value]; se != nil && c.realm.Users[se.User] != nil {
			l.User, l.AMR, l.ACR, l.AuthTime, l.OTPTime = se.User, se.AMR, "1", se.AuthTime, se.OTPTime
		}
	}
	c.realm.Logins[l.ID] = l
	c.cookie(loginCookie, l.ID)
	http.Redirect(c.w, c.r, "/realms/"+c.realm.Name+"/login-actions/authenticate", http.StatusFound)
	return nil
}

// devicePage asks for the code of a device, or goes on with the one in the address.
func devicePage(c *call) *fault {
	code := c.r.URL.Query().Get("user_code")
	if code == "" {
		return c.show(http.StatusOK, sheet{
			Title: "Log in a device", Text: "Enter the code that the device shows.", Method: "get", Action: c.r.URL.Path, Button: "Go on",
			Fields: []field{{"user_code", "Code", "text", ""}},
		})
	}
	d := c.realm.deviceByUserCode(code)
	if d == nil || d.Session != "" || c.sim.now().After(d.Expires) {
		return c.show(http.StatusBadRequest, sheet{Title: "Log in a device", Error: "Invalid code, please try again."})
	}
	return c.begin(&login{Client: d.Client, Scope: d.Scope, Device: d.Code, Level: 1})
}

func deviceStatus(c *call) *fault {
	return c.show(http.StatusOK, sheet{Title: "Device Login Successful", Text: "You may close this page and go back to your device."})
}

// authorize begins a code flow.
func authorize(c *call) *fault {
	q := c.r.URL.Query()
	cl := c.realm.clientByName(q.Get("client_id"))
	if cl == nil || !truth(cl.Rep, "standardFlowEnabled") || !allowed(cl, q.Get("redirect_uri")) {
		return c.show(http.StatusBadRequest, sheet{Title: "We are sorry", Error: "Invalid parameter: redirect_uri"})
	}
	if f := requirePKCE(cl, q.Get("code_challenge"), q.Get("code_challenge_method")); f != nil {
		back, _ := url.Parse(q.Get("redirect_uri"))
		v := url.Values{"error": {"invalid_request"}, "error_description": {text(f.body, "error_description")}, "state": {q.Get("state")}}
		back.RawQuery = v.Encode()
		http.Redirect(c.w, c.r, back.String(), http.StatusFound)
		return nil
	}
	level := 1
	for acr := range strings.FieldsSeq(q.Get("acr_values")) {
		if n, err := strconv.Atoi(acr); err == nil {
			level = max(level, n)
		}
	}
	return c.begin(&login{
		Client: cl.ID, Scope: q.Get("scope"), Challenge: q.Get("code_challenge"), Redirect: q.Get("redirect_uri"), State: q.Get("state"),
		Nonce: q.Get("nonce"), Level: level,
	})
}

// allowed compares with the registered addresses; on loopback the port is the program's choice (RFC 8252).
func allowed(cl *client, redirect string) bool {
	u, err := url.Parse(redirect)
	if err != nil || redirect == "" {
		return false
	}
	for _, registered := range texts(cl.Rep, "redirectUris") {
		r, err := url.Parse(strings.TrimSuffix(registered, "*"))
		if err != nil || r.Scheme != u.Scheme || r.Hostname() != u.Hostname() {
			continue
		}
		if r.Port() != u.Port() && u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost" {
			continue
		}
		if u.Path == r.Path || (strings.HasSuffix(registered, "*") && strings.HasPrefix(u.Path, r.Path)) {
			return true
		}
	}
	return false
}

func (c *call) login() *login {
	ck, err := c.r.Cookie(loginCookie)
	if err != nil {
		return nil
	}
	return c.realm.Logins[ck.Value]
}

func (c *call) action(step string) string { return c.sim.issuer(c.realm) + "/login-actions/" + step }

func lost(c *call) *fault {
	return c.show(http.StatusBadRequest, sheet{Title: "We are sorry", Error: "Restart login cookie not found. It may have expired; it may have been deleted or cookies are disabled in your browser."})
}

// loginPage shows the next thing that is wanted of the person.
func loginPage(c *call) *fault {
	l := c.login()
	if l == nil {
		return lost(c)
	}
	return c.next(l, "")
}

func (c *call) next(l *login, wrong string) *fault {
	u := c.realm.Users[l.User]
	switch {
	case u == nil:
		return c.show(http.StatusOK, sheet{
			Title: "Sign in to your account", Error: wrong, Action: c.action("authenticate"), Button: "Sign In",
			Fields: []field{{"username", "Username or email", "text", ""}, {"password", "Password", "password", ""}, {"credentialId", "", "hidden", ""}},
		})
	case c.wantsOTP(l, u) && u.OTP == "":
		if l.Secret == "" {
			l.Secret = encode(random(15))
		}
		return c.show(http.StatusOK, sheet{
			Title: "Mobile Authenticator Setup", Error: wrong, Action: c.action("required-action"), Button: "Submit",
			Text: "Add this key to your authenticator app, then enter the code it shows: " + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(l.Secret)) + ". " + c.hint(new(user), l.Secret),
			Fields: []field{
				{"totp", "One-time code", "text", ""}, {"totpSecret", "", "hidden", l.Secret}, {"userLabel", "Device name", "text", ""},
			},
		})
	case c.wantsOTP(l, u):
		return c.show(http.StatusOK, sheet{
			Title: "One-time code", Error: wrong, Text: c.hint(u, u.OTP), Action: c.action("authenticate"), Button: "Sign In",
			Fields: []field{{"otp", "One-time code", "text", ""}, {"selectedCredentialId", "", "hidden", u.ID}},
		})
	case contains(texts(u.Rep, "requiredActions"), "UPDATE_PASSWORD"):
		return c.show(http.StatusOK, sheet{
			Title: "Update password", Error: wrong, Text: "You need to change your password.", Action: c.action("required-action"), Button: "Submit",
			Fields: []field{{"password-new", "New password", "password", ""}, {"password-confirm", "Confirm password", "password", ""}},
		})
	case l.Device != "" && !l.Consented:
		return c.show(http.StatusOK, sheet{
			Title: "Grant access to " + text(c.realm.Clients[l.Client].Rep, "clientId"), Text: "Do you grant these access privileges?",
			Action: c.action("consent"), Button: "Yes", Submit: "accept", Fields: []field{{"code", "", "hidden", l.ID}},
		})
	}
	return c.finish(l, u)
}

// hint shows a code that the user has not used yet: every code is good once.
func (c *call) hint(u *user, secret string) string {
	if !c.sim.opts.ShowCodes {
		return ""
	}
	for _, shift := range []time.Duration{0, otpPeriod, -otpPeriod} {
		if code := Code(secret, c.sim.now().Add(shift)); !u.UsedOTP[code] {
			return "In this sandbox the code is " + code + "."
		}
	}
	return "Wait for the next code: those of now are used."
}

// wantsOTP: the second level was asked for and is not fresh, or the account must always show one.
func (c *call) wantsOTP(l *login, u *user) bool {
	if text(c.realm.Rep, "browserFlow") == "browser" {
		return false
	}
	fresh := contains(l.AMR, "otp") && c.sim.now().Before(l.OTPTime.Add(otpFresh))
	return (l.Level >= 2 && l.ACR != "2" && !fresh) || (c.realm.realmRole(u, "mfa-required") && !contains(l.AMR, "otp"))
}

// finish turns the way through the pages into a session and goes back to where it came from.
func (c *call) finish(l *login, u *user) *fault {
	delete(c.realm.Logins, l.ID)
	acr := "1"
	if l.Level >= 2 {
		acr = "2"
	}
	cl := c.realm.Clients[l.Client]
	se := c.newSession(cl, u, scopeOf(l.Scope, strings.Contains(l.Scope, "openid")), acr, l.AMR)
	se.AuthTime, se.OTPTime = l.AuthTime, l.OTPTime
	c.cookie(ssoCookie, se.ID)
	if d := c.realm.Devices[l.Device]; d != nil {
		d.Session = se.ID
		c.event("OAUTH2_DEVICE_VERIFY_USER_CODE", cl, u.ID, "")
		http.Redirect(c.w, c.r, "/realms/"+c.realm.Name+"/device/status", http.StatusFound)
		return nil
	}
	c.event("LOGIN", cl, u.ID, "")
	code := newID() + "." + encode(random(18))
	c.realm.Codes[code] = &grant{
		Session: se.ID, Client: cl.ID, Redirect: l.Redirect, Challenge: l.Challenge, Scope: l.Scope, Nonce: l.Nonce,
		Expires: c.sim.now().Add(time.Minute),
	}
	back, err := url.Parse(l.Redirect)
	if err != nil {
		return c.show(http.StatusBadRequest, sheet{Title: "We are sorry", Error: "Invalid parameter: redirect_uri"})
	}
	q := back.Query()
	q.Set("code", code)
	q.Set("state", l.State)
	q.Set("session_state", se.ID)
	q.Set("iss", c.sim.issuer(c.realm))
	back.RawQuery = q.Encode()
	http.Redirect(c.w, c.r, back.String(), http.StatusFound)
	return nil
}

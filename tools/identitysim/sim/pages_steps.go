package sim

import (
	"net/http"
	"slices"
)

// loginStep takes what a page sent, and shows the next or the same one with what was wrong.
func loginStep(c *call) *fault {
	l := c.login()
	if l == nil {
		return lost(c)
	}
	if err := c.r.ParseForm(); err != nil {
		return c.next(l, "Invalid form")
	}
	wrong := ""
	switch c.path("step") {
	case "authenticate":
		wrong = c.authenticate(l)
	case "required-action":
		wrong = c.requiredAction(l)
	case "consent":
		if denied := c.consent(l); denied {
			return c.show(http.StatusOK, sheet{Title: "Device Login Failed", Error: "Consent denied for connecting the device."})
		}
	}
	if wrong != "" {
		return c.next(l, wrong)
	}
	return c.next(l, "")
}

func (c *call) authenticate(l *login) string {
	form, now := c.r.PostForm, c.sim.now()
	u := c.realm.Users[l.User]
	if u == nil {
		u = c.realm.userByLogin(form.Get("username"))
		if u == nil || u.Client != "" || u.Password == "" || u.Password != form.Get("password") || !truth(u.Rep, "enabled") {
			c.event("LOGIN_ERROR", c.realm.Clients[l.Client], "", "invalid_user_credentials")
			return "Invalid username or password."
		}
		l.User, l.ACR, l.AMR, l.AuthTime = u.ID, "1", []string{"pwd"}, now
		return ""
	}
	if !c.wantsOTP(l, u) {
		return ""
	}
	if !u.checkOTP(u.OTP, form.Get("otp"), now) {
		return "Invalid authenticator code."
	}
	l.AMR, l.AuthTime, l.OTPTime = append(slices.Clone(l.AMR), "otp"), now, now
	if l.Level >= 2 {
		l.ACR = "2"
	}
	return ""
}

func (c *call) requiredAction(l *login) string {
	form, now := c.r.PostForm, c.sim.now()
	u := c.realm.Users[l.User]
	switch {
	case u == nil:
		return ""
	case form.Has("password-new"):
		if form.Get("password-new") == "" || form.Get("password-new") != form.Get("password-confirm") {
			return "Passwords don't match."
		}
		u.setPassword(form.Get("password-new"), false)
	case c.wantsOTP(l, u) && u.OTP == "":
		if l.Secret == "" || form.Get("totpSecret") != l.Secret || !u.checkOTP(l.Secret, form.Get("totp"), now) {
			return "Invalid authenticator code."
		}
		// Enrolling proves the second level but is no use of a one-time password: amr stays as it was.
		u.OTP, l.AuthTime, l.OTPTime = l.Secret, now, now
		if l.Level >= 2 {
			l.ACR = "2"
		} else {
			l.AMR = append(slices.Clone(l.AMR), "otp")
		}
	}
	return ""
}

func (c *call) consent(l *login) (denied bool) {
	if c.r.PostForm.Get("code") != l.ID {
		return false
	}
	if c.r.PostForm.Get("accept") == "" {
		if d := c.realm.Devices[l.Device]; d != nil {
			d.Denied = true
		}
		delete(c.realm.Logins, l.ID)
		return true
	}
	l.Consented = true
	return false
}

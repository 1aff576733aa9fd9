package keycloak

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/Nerzal/gocloak/v14"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
)

func personOf(u *gocloak.User) directory.Person {
	return directory.Person{
		ID: gocloak.PString(u.ID), Email: gocloak.PString(u.Email),
		Name:     strings.TrimSpace(gocloak.PString(u.FirstName) + " " + gocloak.PString(u.LastName)),
		Verified: gocloak.PBool(u.EmailVerified),
	}
}

// PersonByEmail finds a person.
func (d *Directory) PersonByEmail(ctx context.Context, email string) (directory.Person, error) {
	var found []*gocloak.User
	err := d.call(ctx, "find the person", func(token string) error {
		var err error
		found, err = d.client.GetUsers(ctx, token, d.cfg.Realm, gocloak.GetUsersParams{Email: &email, Exact: gocloak.BoolP(true)})
		return err
	})
	if err != nil {
		return directory.Person{}, err
	}
	for _, u := range found {
		if strings.EqualFold(gocloak.PString(u.Email), email) {
			return personOf(u), nil
		}
	}
	return directory.Person{}, errs.NotFound("person", email)
}

// CreatePerson makes a person. The address counts as verified once the person follows a mail to it.
func (d *Directory) CreatePerson(ctx context.Context, p directory.Person) (directory.Person, bool, error) {
	first, last, _ := strings.Cut(strings.TrimSpace(p.Name), " ")
	u := gocloak.User{Username: &p.Email, Email: &p.Email, Enabled: gocloak.BoolP(true), EmailVerified: gocloak.BoolP(false)}
	if first != "" {
		u.FirstName = &first
	}
	if last = strings.TrimSpace(last); last != "" {
		u.LastName = &last
	}
	err := d.call(ctx, "make the account", func(token string) error {
		var err error
		p.ID, err = d.client.CreateUser(ctx, token, d.cfg.Realm, u)
		return err
	})
	if errs.CodeOf(err) == errs.AlreadyExists {
		p, err = d.PersonByEmail(ctx, p.Email)
		return p, false, err
	}
	return p, err == nil, err
}

// abandoned is the age of an account whose creation has ended: no call takes so long.
const abandoned = 2 * time.Minute

// Abandoned reports whether an old account has nothing to log in with.
func (d *Directory) Abandoned(ctx context.Context, id string) (bool, error) {
	var u *gocloak.User
	var keys []*gocloak.CredentialRepresentation
	err := d.call(ctx, "look at the account", func(token string) error {
		var err error
		if u, err = d.client.GetUserByID(ctx, token, d.cfg.Realm, id); err != nil {
			return err
		}
		keys, err = d.client.GetCredentials(ctx, token, d.cfg.Realm, id)
		return err
	})
	if err != nil || len(keys) > 0 || u.CreatedTimestamp == nil {
		return false, err
	}
	return d.cfg.Clock.Now().Sub(time.UnixMilli(*u.CreatedTimestamp)) > abandoned, nil
}

// inviteLife is how long the link of an invitation works.
const inviteLife = 3 * 24 * 3600

// Invite lets a new person log in.
func (d *Directory) Invite(ctx context.Context, id string) (string, error) {
	if d.cfg.Mail {
		actions, life := []string{"UPDATE_PASSWORD", "VERIFY_EMAIL"}, inviteLife
		return "", d.call(ctx, "send the invitation", func(token string) error {
			err := d.client.ExecuteActionsEmail(ctx, token, d.cfg.Realm, gocloak.ExecuteActionsEmail{UserID: &id, Lifespan: &life, Actions: actions})
			if statusOf(err) == http.StatusInternalServerError {
				return errs.Wrap(err, errs.FailedPrecondition, "INVITATION_NOT_SENT",
					"Keycloak cannot send the invitation; the operator sets the mail server of the realm, or LOWLAYER_TENANT_KEYCLOAK_MAIL=false")
			}
			return err
		})
	}
	password := rand.Text()
	return password, d.call(ctx, "set the first password", func(token string) error {
		return d.client.SetPassword(ctx, token, id, d.cfg.Realm, password, true)
	})
}

// DeletePerson ends an account.
func (d *Directory) DeletePerson(ctx context.Context, id string) error {
	return absentIsFine(d.call(ctx, "end the account", func(token string) error {
		return d.client.DeleteUser(ctx, token, d.cfg.Realm, id)
	}))
}

func absentIsFine(err error) error {
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil
	}
	return err
}

// ensureGroup returns the id of a group. It makes the group and its parents where they are absent.
func (d *Directory) ensureGroup(ctx context.Context, path string) (string, error) {
	id, err := d.groupID(ctx, path)
	if errs.CodeOf(err) != errs.CodeNotFound {
		return id, err
	}
	i := strings.LastIndexByte(path, '/')
	name, parent := path[i+1:], ""
	if i > 0 {
		if parent, err = d.ensureGroup(ctx, path[:i]); err != nil {
			return "", err
		}
	}
	err = d.call(ctx, "make the group "+path, func(token string) error {
		g := gocloak.Group{Name: &name}
		if parent == "" {
			id, err = d.client.CreateGroup(ctx, token, d.cfg.Realm, g)
			return err
		}
		id, err = d.client.CreateChildGroup(ctx, token, d.cfg.Realm, parent, g)
		return err
	})
	if errs.CodeOf(err) == errs.AlreadyExists { // another call made it meanwhile
		return d.groupID(ctx, path)
	}
	return id, err
}

func (d *Directory) groupID(ctx context.Context, path string) (string, error) {
	var g *gocloak.Group
	err := d.call(ctx, "find the group "+path, func(token string) error {
		var err error
		g, err = d.client.GetGroupByPath(ctx, token, d.cfg.Realm, path)
		return err
	})
	if err != nil {
		return "", err
	}
	return gocloak.PString(g.ID), nil
}

// Join puts somebody into a group.
func (d *Directory) Join(ctx context.Context, id, group string) error {
	g, err := d.ensureGroup(ctx, group)
	if err != nil {
		return err
	}
	return d.call(ctx, "join "+group, func(token string) error {
		return d.client.AddUserToGroup(ctx, token, d.cfg.Realm, id, g)
	})
}

// Leave takes somebody out of a group.
func (d *Directory) Leave(ctx context.Context, id, group string) error {
	g, err := d.groupID(ctx, group)
	if err != nil {
		return absentIsFine(err)
	}
	return absentIsFine(d.call(ctx, "leave "+group, func(token string) error {
		return d.client.DeleteUserFromGroup(ctx, token, d.cfg.Realm, id, g)
	}))
}

// RemoveGroup ends a group with everything below it.
func (d *Directory) RemoveGroup(ctx context.Context, group string) error {
	g, err := d.groupID(ctx, group)
	if err != nil {
		return absentIsFine(err)
	}
	return absentIsFine(d.call(ctx, "remove the group "+group, func(token string) error {
		return d.client.DeleteGroup(ctx, token, d.cfg.Realm, g)
	}))
}

// Seats walks the tree below a group.
func (d *Directory) Seats(ctx context.Context, group string) ([]directory.Seat, error) {
	id, err := d.groupID(ctx, group)
	if err != nil {
		return nil, absentIsFine(err)
	}
	var out []directory.Seat
	return out, d.walk(ctx, id, group, &out)
}

// programs begins the user names of the accounts of clients. A person may have such a name too.
const programs = "service-account-"

// program reports whether a user is the account of a client: only the client's link proves it.
func (d *Directory) program(ctx context.Context, u *gocloak.User) (bool, error) {
	clientID, ok := strings.CutPrefix(gocloak.PString(u.Username), programs)
	if !ok {
		return false, nil
	}
	c, err := d.clientByName(ctx, clientID)
	if c == nil || err != nil {
		return false, err
	}
	var subject string
	err = d.call(ctx, "find the service account's user", func(token string) error {
		account, err := d.client.GetClientServiceAccount(ctx, token, d.cfg.Realm, gocloak.PString(c.ID))
		if err == nil {
			subject = gocloak.PString(account.ID)
		}
		return err
	})
	return subject == gocloak.PString(u.ID), absentIsFine(err)
}

func (d *Directory) walk(ctx context.Context, id, path string, out *[]directory.Seat) error {
	var members []*gocloak.User
	var children []*gocloak.Group
	err := d.call(ctx, "read the group "+path, func(token string) error {
		var err error
		if members, err = d.client.GetGroupMembers(ctx, token, d.cfg.Realm, id, gocloak.GetGroupsParams{Max: gocloak.IntP(-1)}); err != nil {
			return err
		}
		children, err = d.client.GetChildGroups(ctx, token, d.cfg.Realm, id, gocloak.GetChildGroupsParams{Max: gocloak.IntP(-1)})
		return err
	})
	if err != nil {
		return absentIsFine(err) // it was removed meanwhile
	}
	for _, u := range members {
		program, err := d.program(ctx, u)
		if err != nil {
			return err
		}
		*out = append(*out, directory.Seat{Person: personOf(u), Group: path, Program: program})
	}
	for _, c := range children {
		if err := d.walk(ctx, gocloak.PString(c.ID), path+"/"+gocloak.PString(c.Name), out); err != nil {
			return err
		}
	}
	return nil
}

// statusOK is for calls that gocloak has no function for.
func statusOK(code int, body string) error {
	if code < http.StatusBadRequest {
		return nil
	}
	return &gocloak.APIError{Code: code, Message: body}
}

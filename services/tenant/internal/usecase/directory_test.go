package usecase_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
)

// people is a user directory in memory. Calls named in fails return that error.
type people struct {
	mu      sync.Mutex
	persons map[string]directory.Person // by id
	seats   map[string][]string         // ids by group
	clients map[string]*directory.Client
	fails   map[string]error
	serial  int
}

func newPeople() *people {
	return &people{persons: map[string]directory.Person{}, seats: map[string][]string{}, clients: map[string]*directory.Client{}, fails: map[string]error{}}
}

// enter locks the directory for a call.
func (p *people) enter(call string) (func(), error) {
	p.mu.Lock()
	return p.mu.Unlock, p.fails[call]
}

func (p *people) fail(call string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fails[call] = err
}

func (p *people) id(prefix string) string {
	p.serial++
	return fmt.Sprintf("%s-%d", prefix, p.serial)
}

func (p *people) PersonByEmail(_ context.Context, email string) (directory.Person, error) {
	leave, err := p.enter("PersonByEmail")
	defer leave()
	for _, v := range p.persons {
		if err == nil && strings.EqualFold(v.Email, email) {
			return v, nil
		}
	}
	if err == nil {
		err = errs.NotFound("person", email)
	}
	return directory.Person{}, err
}

func (p *people) CreatePerson(_ context.Context, v directory.Person) (directory.Person, bool, error) {
	leave, err := p.enter("CreatePerson")
	defer leave()
	v.ID = p.id("person")
	if err == nil {
		p.persons[v.ID] = v
	}
	return v, err == nil, err
}

func (p *people) Abandoned(context.Context, string) (bool, error) { return false, nil }

func (p *people) Invite(context.Context, string) (string, error) {
	leave, err := p.enter("Invite")
	defer leave()
	return "first-password", err
}

func (p *people) DeletePerson(_ context.Context, id string) error {
	leave, err := p.enter("DeletePerson")
	defer leave()
	delete(p.persons, id)
	for g := range p.seats {
		p.seats[g] = slices.DeleteFunc(p.seats[g], func(x string) bool { return x == id })
	}
	return err
}

func (p *people) Join(_ context.Context, id, group string) error {
	leave, err := p.enter("Join")
	defer leave()
	if err == nil && !slices.Contains(p.seats[group], id) {
		p.seats[group] = append(p.seats[group], id)
	}
	return err
}

func (p *people) Leave(_ context.Context, id, group string) error {
	leave, err := p.enter("Leave")
	defer leave()
	p.seats[group] = slices.DeleteFunc(p.seats[group], func(x string) bool { return x == id })
	return err
}

func (p *people) Seats(_ context.Context, group string) ([]directory.Seat, error) {
	leave, err := p.enter("Seats")
	defer leave()
	var out []directory.Seat
	for g, ids := range p.seats {
		for _, id := range ids {
			if g == group || strings.HasPrefix(g, group+"/") {
				person, human := p.persons[id]
				person.ID = id
				out = append(out, directory.Seat{Person: person, Group: g, Program: !human})
			}
		}
	}
	return out, err
}

func (p *people) RemoveGroup(_ context.Context, group string) error {
	leave, err := p.enter("RemoveGroup")
	defer leave()
	for g := range p.seats {
		if err == nil && (g == group || strings.HasPrefix(g, group+"/")) {
			delete(p.seats, g)
		}
	}
	return err
}

func (p *people) EnsureClient(_ context.Context, clientID, _ string) (directory.Client, error) {
	leave, err := p.enter("EnsureClient")
	defer leave()
	for _, c := range p.clients {
		if c.ClientID == clientID {
			return *c, err
		}
	}
	if err != nil {
		return directory.Client{}, err
	}
	c := &directory.Client{ID: p.id("client"), ClientID: clientID, Subject: p.id("program"), Enabled: true}
	p.clients[c.ID] = c
	return *c, nil
}

func (p *people) RenewSecret(context.Context, string) (string, error) {
	leave, err := p.enter("RenewSecret")
	defer leave()
	return p.id("secret"), err
}

func (p *people) EnableClient(_ context.Context, id string, enabled bool) error {
	leave, err := p.enter("EnableClient")
	defer leave()
	if c := p.clients[id]; c != nil {
		c.Enabled = enabled
		return err
	}
	return errs.NotFound("client", id)
}

func (p *people) DeleteClient(_ context.Context, id string) error {
	leave, err := p.enter("DeleteClient")
	defer leave()
	if err == nil {
		delete(p.clients, id)
	}
	return err
}

func (p *people) ClientLogins(context.Context, time.Time) (map[string]time.Time, error) {
	return map[string]time.Time{}, nil
}

// holders are the persons with a role, by their addresses.
func (p *people) holders(group string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, id := range p.seats[group] {
		out = append(out, p.persons[id].Email)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

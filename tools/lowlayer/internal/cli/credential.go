package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/zalando/go-keyring"
)

// credential is a login at one gateway.
type credential struct {
	Issuer        string    `json:"issuer"`
	TokenEndpoint string    `json:"tokenEndpoint"`
	EndSession    string    `json:"endSession,omitempty"`
	Access        string    `json:"access"`
	Refresh       string    `json:"refresh"`
	Expiry        time.Time `json:"expiry"`
}

// A vault keeps credentials, by the address of the gateway they are for.
type vault interface {
	load(address string) (credential, error)
	store(address string, c credential) error
	drop(address string) error
	// name is the place, for people.
	name() string
}

var errNoCredential = errors.New("not logged in")

const keyringService = "lowlayer"

// keyrings is the operating system's.
type keyrings struct{}

func (keyrings) name() string { return "the keyring" }

func (keyrings) load(address string) (credential, error) {
	var c credential
	text, err := keyring.Get(keyringService, address)
	if err != nil {
		return c, errNoCredential // none there, or no keyring: the file is next
	}
	return c, json.Unmarshal([]byte(text), &c)
}

func (keyrings) store(address string, c credential) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return keyring.Set(keyringService, address, string(text))
}

func (keyrings) drop(address string) error {
	_ = keyring.Delete(keyringService, address) // none there, or no keyring
	return nil
}

// fileVault is for machines without a keyring; only the owner may read the file.
type fileVault struct{ path string }

func (v fileVault) name() string { return v.path }

func (v fileVault) read() (map[string]credential, error) {
	all := map[string]credential{}
	data, err := os.ReadFile(v.path)
	if errors.Is(err, os.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read the logins in %s: %w", v.path, err)
	}
	return all, nil
}

func (v fileVault) load(address string) (credential, error) {
	all, err := v.read()
	if err != nil {
		return credential{}, err
	}
	c, ok := all[address]
	if !ok {
		return c, errNoCredential
	}
	return c, nil
}

func (v fileVault) store(address string, c credential) error {
	return v.change(func(all map[string]credential) { all[address] = c })
}

func (v fileVault) drop(address string) error {
	return v.change(func(all map[string]credential) { delete(all, address) })
}

// change replaces the file as a whole: a crash leaves the old logins or the new, and never one that others may read.
func (v fileVault) change(edit func(map[string]credential)) error {
	all, err := v.read()
	if err != nil {
		return err
	}
	edit(all)
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(v.path), 0o700); err != nil {
		return fmt.Errorf("keep the login: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(v.path), ".credentials-*") // made with 0600
	if err != nil {
		return fmt.Errorf("keep the login: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), v.path)
	}
	if err != nil {
		return fmt.Errorf("keep the login: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// vaults are where logins are kept, the preferred first. LOWLAYER_CREDENTIALS names a file to use instead of the keyring.
func vaults() ([]vault, error) {
	if path := os.Getenv("LOWLAYER_CREDENTIALS"); path != "" {
		return []vault{fileVault{path}}, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("find the folder of settings: %w; set LOWLAYER_CREDENTIALS to a file", err)
	}
	return []vault{keyrings{}, fileVault{filepath.Join(dir, "lowlayer", "credentials.json")}}, nil
}

// loadCredential looks everywhere.
func loadCredential(address string) (credential, vault, error) {
	all, err := vaults()
	if err != nil {
		return credential{}, nil, err
	}
	for _, v := range all {
		c, err := v.load(address)
		if err == nil || !errors.Is(err, errNoCredential) {
			return c, v, err
		}
	}
	return credential{}, nil, errNoCredential
}

// storeCredential stores a login in the first vault that accepts it, and drops it from the others.
func storeCredential(address string, c credential) (vault, error) {
	all, err := vaults()
	if err != nil {
		return nil, err
	}
	var failed error
	for i, v := range all {
		err := v.store(address, c)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		for j, other := range all {
			if j != i {
				err = errors.Join(err, other.drop(address))
			}
		}
		return v, err
	}
	return nil, failed
}

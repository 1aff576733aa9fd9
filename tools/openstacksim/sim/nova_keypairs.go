package sim

import (
	"crypto/ed25519"
	"crypto/md5" //nolint:gosec // the fingerprint format of SSH keys, not a protection
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
)

func keypairView(k *keypair) map[string]any {
	return map[string]any{
		"name": k.Name, "type": k.Kind, "public_key": k.PublicKey, "fingerprint": k.Fingerprint,
		"user_id": k.UserID, "created_at": novaStamp(k.CreatedAt), "id": k.Seq, "deleted": false,
	}
}

func (cl *call) keypairUser() string {
	if id := cl.query.Get("user_id"); id != "" && cl.who.admin {
		return id
	}
	return cl.who.userID
}

func (cl *call) keypair(name string) *keypair {
	owner := cl.keypairUser()
	k, _ := find(cl.st.Keypairs, func(k *keypair) bool { return k.Name == name && k.UserID == owner })
	return k
}

func listKeypairs(cl *call) (reply, *apiError) {
	items := []any{}
	owner := cl.keypairUser()
	for _, k := range inOrder(cl.st.Keypairs, func(k *keypair) bool { return k.UserID == owner && cl.fresh(&k.meta) }) {
		items = append(items, map[string]any{"keypair": keypairView(k)})
	}
	return ok(map[string]any{"keypairs": items})
}

func createKeypair(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("keypair")
	if fail != nil {
		return refuse(fail)
	}
	k := &keypair{UserID: cl.who.userID, Kind: a.str("type", "ssh"), PublicKey: a.str("public_key", "")}
	if id := a.str("user_id", ""); id != "" && cl.who.admin {
		k.UserID = id
	}
	name := a.name("")
	if a.fail != nil {
		return refuse(a.fail)
	}
	if _, taken := find(cl.st.Keypairs, func(o *keypair) bool { return o.Name == name && o.UserID == k.UserID }); taken {
		return refuse(failf(http.StatusConflict, "Key pair '%s' already exists.", name))
	}
	private := ""
	if k.PublicKey == "" {
		k.PublicKey, private = newSSHKey()
	}
	blob, err := sshBlob(k.PublicKey)
	if err != nil {
		return refuse(failf(http.StatusBadRequest, "Keypair data is invalid: failed to generate fingerprint"))
	}
	k.Fingerprint = fingerprint(blob)
	k.meta = cl.st.newMeta(newUUID(), cl.now)
	k.Name = name
	cl.st.Keypairs[k.ID] = k
	v := keypairView(k)
	if private != "" {
		v["private_key"] = private
	}
	return created(map[string]any{"keypair": v})
}

func sshBlob(public string) ([]byte, error) {
	fields := strings.Fields(public)
	if len(fields) < 2 {
		return nil, fmt.Errorf("a public key has a type and a value")
	}
	return base64.StdEncoding.DecodeString(fields[1])
}

func fingerprint(blob []byte) string {
	sum := md5.Sum(blob) //nolint:gosec // see the import
	parts := make([]string, 0, len(sum))
	for _, b := range sum {
		parts = append(parts, fmt.Sprintf("%02x", b))
	}
	return strings.Join(parts, ":")
}

func newSSHKey() (public, private string) {
	key := ed25519.NewKeyFromSeed(randomBytes(ed25519.SeedSize))
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", ""
	}
	blob := binary.BigEndian.AppendUint32(nil, uint32(len("ssh-ed25519")))
	blob = append(blob, "ssh-ed25519"...)
	blob = binary.BigEndian.AppendUint32(blob, ed25519.PublicKeySize)
	blob = append(blob, key[ed25519.SeedSize:]...)
	return "ssh-ed25519 " + base64.StdEncoding.EncodeToString(blob) + " generated",
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func showKeypair(cl *call) (reply, *apiError) {
	k := cl.keypair(cl.path("name"))
	if k == nil {
		return refuse(cl.errNoKeypair())
	}
	return ok(map[string]any{"keypair": keypairView(k)})
}

func (cl *call) errNoKeypair() *apiError {
	return failf(http.StatusNotFound, "Keypair %s not found for user %s", cl.path("name"), cl.keypairUser())
}

func deleteKeypair(cl *call) (reply, *apiError) {
	k := cl.keypair(cl.path("name"))
	if k == nil {
		return refuse(cl.errNoKeypair())
	}
	delete(cl.st.Keypairs, k.ID)
	return noContent()
}

package event

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"

	"github.com/low-layer/platform/libs/mtls"
)

// signatureType keeps a signature of an event from being one of something else.
const signatureType = "lowlayer-event"

// signingLeeway is how far the clocks of two services may be apart.
const signingLeeway = time.Minute

var errUnsigned = errors.New("the entry has no signature")

var signatureAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.RS256, jose.EdDSA}

func algorithmOf(key crypto.Signer) jose.SignatureAlgorithm {
	switch k := key.(type) {
	case ed25519.PrivateKey:
		return jose.EdDSA
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P384() {
			return jose.ES384
		}
		return jose.ES256
	}
	return jose.RS256
}

// sign returns the detached JWS of an encoded event. Its header holds the certificate of the service and the time, so that it
// verifies after the certificate was renewed.
func sign(identity *mtls.Identity, raw []byte, at time.Time) (string, error) {
	svid, err := identity.GetX509SVID()
	if err != nil {
		return "", fmt.Errorf("read the certificate: %w", err)
	}
	chain := make([]string, len(svid.Certificates))
	for i, cert := range svid.Certificates {
		chain[i] = base64.StdEncoding.EncodeToString(cert.Raw)
	}
	options := (&jose.SignerOptions{}).WithType(signatureType).WithHeader("x5c", chain).WithHeader("iat", at.Unix())
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithmOf(svid.PrivateKey), Key: svid.PrivateKey}, options)
	if err != nil {
		return "", fmt.Errorf("make a signer: %w", err)
	}
	signature, err := signer.Sign(raw)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return signature.DetachedCompactSerialize()
}

// verify returns an error unless the service named source signed the encoded event, with a certificate that was valid at that
// time. A signature older than the inbox remembers is refused: its event could be handled twice.
func verify(identity *mtls.Identity, source string, raw []byte, signature string, now time.Time) error {
	if signature == "" {
		return errUnsigned
	}
	jws, err := jose.ParseDetached(signature, raw, signatureAlgorithms)
	if err != nil {
		return fmt.Errorf("read the signature: %w", err)
	}
	if len(jws.Signatures) != 1 {
		return fmt.Errorf("the entry has %d signatures", len(jws.Signatures))
	}
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != signatureType {
		return errors.New("the signature is not one of an event")
	}
	seconds, _ := header.ExtraHeaders["iat"].(float64)
	at := time.Unix(int64(seconds), 0)
	if at.After(now.Add(signingLeeway)) || at.Before(now.Add(-inboxRetention)) {
		return fmt.Errorf("the signature is of %s, outside of the time in which events are accepted", at.UTC().Format(time.RFC3339))
	}
	leaf, err := signerOf(identity, header, at)
	if err != nil {
		return err
	}
	id, err := x509svid.IDFromCert(leaf)
	if err != nil {
		return fmt.Errorf("read the signer's name: %w", err)
	}
	if id.Path() != "/"+source {
		return fmt.Errorf("%s signed an event of %s", id, source)
	}
	if err := jws.DetachedVerify(raw, leaf.PublicKey); err != nil {
		return fmt.Errorf("verify the signature: %w", err)
	}
	return nil
}

// signerOf returns the certificate of the signer, when an authority of our trust domain signed it.
func signerOf(identity *mtls.Identity, header jose.Header, at time.Time) (*x509.Certificate, error) {
	svid, err := identity.GetX509SVID()
	if err != nil {
		return nil, fmt.Errorf("read our certificate: %w", err)
	}
	bundle, err := identity.GetX509BundleForTrustDomain(svid.ID.TrustDomain())
	if err != nil {
		return nil, fmt.Errorf("read the authorities: %w", err)
	}
	roots := x509.NewCertPool()
	for _, authority := range bundle.X509Authorities() {
		roots.AddCert(authority)
	}
	chains, err := header.Certificates(x509.VerifyOptions{Roots: roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return nil, fmt.Errorf("verify the signer's certificate: %w", err)
	}
	leaf := chains[0][0]
	if id, err := x509svid.IDFromCert(leaf); err != nil || !id.MemberOf(svid.ID.TrustDomain()) {
		return nil, fmt.Errorf("the signer is not of the trust domain %s", svid.ID.TrustDomain())
	}
	return leaf, nil
}

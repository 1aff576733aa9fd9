package receipt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/low-layer/platform/libs/strictjson"
)

// MaxSize bounds an envelope that is read: far above the largest resource's.
const MaxSize = 8 << 20

// Envelope is a DSSE envelope; its JSON form is the standard's.
type Envelope struct {
	Payload     []byte      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []Signature `json:"signatures"`
}

// Signature is one signature of an envelope.
type Signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// Encode is DSSE's pre-authentication encoding: what is signed. The lengths keep type and payload apart.
func Encode(payloadType string, payload []byte) []byte {
	var b bytes.Buffer
	b.WriteString("DSSEv1 ")
	b.WriteString(strconv.Itoa(len(payloadType)))
	b.WriteByte(' ')
	b.WriteString(payloadType)
	b.WriteByte(' ')
	b.WriteString(strconv.Itoa(len(payload)))
	b.WriteByte(' ')
	b.Write(payload)
	return b.Bytes()
}

// ParseEnvelope reads the JSON form of an envelope. It takes one object and nothing after it; fields it does not know
// are left to other tools.
func ParseEnvelope(text []byte) (Envelope, error) {
	if len(text) > MaxSize {
		return Envelope{}, fail(CheckMalformed, "the envelope has %d bytes, at most %d are read", len(text), MaxSize)
	}
	var e Envelope
	if err := strictjson.Unmarshal(text, &e); err != nil {
		return Envelope{}, fail(CheckMalformed, "this is no DSSE envelope: %v", err)
	}
	if len(e.Payload) == 0 || len(e.Signatures) == 0 {
		return Envelope{}, fail(CheckMalformed, "this is no DSSE envelope: it has no payload or no signature")
	}
	return e, nil
}

// JSON is the form of an envelope in a file.
func (e Envelope) JSON() ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("write envelope: %w", err)
	}
	return text, nil
}

package audit

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/low-layer/platform/libs/receipt"

	"github.com/low-layer/platform/libs/strictjson"
)

// CheckpointType is the type of the payload of a checkpoint's envelope.
const CheckpointType = "application/vnd.lowlayer.audit-checkpoint.v1+json"

// Checkpoint is where a chain ended at a time.
type Checkpoint struct {
	Service   string `json:"service"`
	Tenant    string `json:"tenant"`
	TenantUID string `json:"tenantUid"`
	// Sequence and Hash are those of the last record; 0 and empty when there was none.
	Sequence int64     `json:"sequence"`
	Hash     string    `json:"hash"`
	Time     time.Time `json:"time"`
}

// Sign makes the envelope of a checkpoint.
func (c Checkpoint) Sign(s *receipt.Signer) (receipt.Envelope, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return receipt.Envelope{}, fmt.Errorf("write checkpoint: %w", err)
	}
	return s.Seal(CheckpointType, payload), nil
}

// OpenCheckpoint returns the checkpoint in an envelope that one of the keys signed.
func OpenCheckpoint(e receipt.Envelope, keys []receipt.Key) (Checkpoint, error) {
	if err := receipt.Open(e, CheckpointType, keys); err != nil {
		return Checkpoint{}, err
	}
	var c Checkpoint
	if err := strictjson.UnmarshalKnown(e.Payload, &c); err != nil {
		return Checkpoint{}, fmt.Errorf("read checkpoint: %w", err)
	}
	return c, nil
}

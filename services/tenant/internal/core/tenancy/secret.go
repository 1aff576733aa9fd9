package tenancy

import "time"

// SealedCredential is one generation of an organisation's application credential as it is kept: its secret sealed.
type SealedCredential struct {
	Generation             int64
	Secret                 []byte
	CreateTime, ExpireTime time.Time
}

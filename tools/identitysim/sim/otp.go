package sim

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238 as authenticator apps speak it
	"encoding/binary"
	"fmt"
	"time"
)

const otpPeriod = 30 * time.Second

// Code is the one-time password of a raw secret at a time: six digits, thirty seconds, SHA-1.
func Code(secret string, at time.Time) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(at.Unix()/int64(otpPeriod/time.Second)))
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	value := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	return fmt.Sprintf("%06d", value%1_000_000)
}

// checkOTP takes a code of the window before, of now or the one after, each once.
func (u *user) checkOTP(secret, code string, now time.Time) bool {
	for _, shift := range []time.Duration{0, otpPeriod, -otpPeriod} {
		if code == "" || code != Code(secret, now.Add(shift)) || u.UsedOTP[code] {
			continue
		}
		if u.UsedOTP == nil || len(u.UsedOTP) > 100 {
			u.UsedOTP = map[string]bool{}
		}
		u.UsedOTP[code] = true
		return true
	}
	return false
}

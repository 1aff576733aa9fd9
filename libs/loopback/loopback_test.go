package loopback_test

import (
	"net/url"
	"testing"

	"github.com/low-layer/platform/libs/loopback"
)

func TestHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.8.9.10": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "localhost.example.com": false, "127.0.0.1.example.com": false,
		"127.1": false, "2130706433": false, "[::1]": false, "127.0.0.1:80": false,
	} {
		if got := loopback.Host(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestSecure(t *testing.T) {
	for text, want := range map[string]bool{
		"https://id.example.com/realms/lowlayer": true, "http://127.0.0.1:5200/realms/lowlayer": true, "http://[::1]:5200": true,
		"http://localhost": true, "http://id.example.com": false, "http://id.example.com:": false, "http://127.0.0.1@id.example.com": false,
		"http://127.0.0.1.example.com": false, "ftp://127.0.0.1": false, "https://": false, "lowlayer": false, "": false,
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := loopback.Secure(u); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

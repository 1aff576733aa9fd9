package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestReachable_database_mustServeItsIndex(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /good/index/db.json", func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for database, want := range map[string]bool{
		server.URL + "/good": true, server.URL + "/bad": false, "http://127.0.0.1:1": false,
		"file://" + t.TempDir(): true, "file:///no/such/folder": false,
	} {
		if err := reachable(t.Context(), database); (err == nil) != want {
			t.Errorf("%s: %v", database, err)
		}
	}
}

func TestVulnerabilities_databaseAway_goesOn(t *testing.T) {
	t.Setenv("GOVULNDB", "http://127.0.0.1:1")
	if found, err := vulnerabilities(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("got %v, %v", found, err)
	}
}

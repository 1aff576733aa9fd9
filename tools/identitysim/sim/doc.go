// Package sim is an identity provider held in memory: as much of Keycloak's OpenID Connect and admin API as the platform
// calls, served over HTTP so that gocloak, golang.org/x/oauth2 and go-oidc talk to it unchanged.
//
// It promises what a caller of the real one sees: the same paths, status codes and error bodies, tokens with the same
// claims signed by keys that can be rotated, administrators limited to the roles they have, and the traps (lists that stop at
// 10 or 100, updates that erase). The suite in ../conformance is run against it and against Keycloak.
//
// It fails as Keycloak does. It keeps no passwords hashed and nothing secret: it is for one machine, on loopback.
//
// State is one struct behind one lock. Further fields of clients, realms, scopes and flows are stored and returned
// unchanged.
package sim

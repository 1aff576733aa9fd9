package redistest

import "sync"

// started keeps the servers, and with them the guards' write ends, reachable: a finalizer would close them and end
// the server under the tests.
var started struct {
	sync.Mutex
	servers []*Server
}

func keep(s *Server) {
	started.Lock()
	defer started.Unlock()
	started.servers = append(started.servers, s)
}

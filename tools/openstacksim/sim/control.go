package sim

import (
	"fmt"
	"net/http"
)

// FailServer puts a server into ERROR with a fault, as a hypervisor that broke does.
func (c *Cloud) FailServer(id, message string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.st.Servers[id]
	if s == nil {
		return fmt.Errorf("fail server: there is no server %s", id)
	}
	now := c.now()
	s.Status, s.Fault = "ERROR", &serverFault{Code: http.StatusInternalServerError, Message: message, At: now}
	s.touch(now)
	return nil
}

package sim

import (
	"encoding/json"
	"net/http"
	"slices"
)

// serverAction is what an action needs and what comes of it.
type serverAction struct {
	verb string
	from []string
	to   string
}

var serverActions = map[string]serverAction{
	"os-start": {verb: "start", from: []string{"SHUTOFF"}, to: "ACTIVE"},
	"os-stop":  {verb: "stop", from: []string{"ACTIVE", "ERROR"}, to: "SHUTOFF"},
	"reboot":   {verb: "reboot", from: []string{"ACTIVE", "SHUTOFF", "ERROR"}, to: "ACTIVE"},
	"lock":     {verb: "lock"},
	"unlock":   {verb: "unlock"},
}

func actOnServer(cl *call) (reply, *apiError) {
	var body map[string]json.RawMessage
	if fail := cl.decode(&body); fail != nil {
		return refuse(fail)
	}
	s, fail := cl.serverInPath()
	if fail != nil {
		return refuse(fail)
	}
	for name, raw := range body {
		if name == "os-resetState" {
			return cl.resetState(s, raw)
		}
		action, known := serverActions[name]
		if !known {
			return refuse(failf(http.StatusBadRequest, "There is no such action: %s", name))
		}
		return cl.act(s, name, action)
	}
	return refuse(failf(http.StatusBadRequest, "Malformed request body"))
}

func (cl *call) act(s *server, name string, action serverAction) (reply, *apiError) {
	switch name {
	case "lock", "unlock":
		s.Locked = name == "lock"
		return reply{status: http.StatusAccepted}, nil
	}
	if s.Locked && !cl.who.admin {
		return refuse(failf(http.StatusConflict, "Instance %s is locked", s.ID))
	}
	if !slices.Contains(action.from, s.Status) {
		return refuse(failf(http.StatusConflict, "Cannot '%s' instance %s while it is in vm_state %s", action.verb, s.ID, s.vmState()))
	}
	s.Status = action.to
	s.touch(cl.now)
	status := "ACTIVE"
	if s.Status == "SHUTOFF" {
		status = "DOWN"
	}
	for _, id := range s.Ports {
		if p := cl.st.Ports[id]; p != nil && p.Status != status {
			p.Status = status
			p.touch(cl.now)
		}
	}
	return reply{status: http.StatusAccepted}, nil
}

func (cl *call) resetState(s *server, raw json.RawMessage) (reply, *apiError) {
	var arg struct {
		State string `json:"state"`
	}
	if !cl.who.admin {
		return refuse(failf(http.StatusForbidden,
			"Policy doesn't allow os_compute_api:os-admin-actions:reset_state to be performed."))
	}
	if err := json.Unmarshal(raw, &arg); err != nil || arg.State != "active" && arg.State != "error" {
		return refuse(failf(http.StatusBadRequest, "Invalid input for field/attribute state."))
	}
	s.Status = map[string]string{"active": "ACTIVE", "error": "ERROR"}[arg.State]
	s.touch(cl.now)
	return reply{status: http.StatusAccepted}, nil
}

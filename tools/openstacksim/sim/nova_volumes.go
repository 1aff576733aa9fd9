package sim

import (
	"net/http"
	"slices"
	"time"
)

func serverVolumeView(v *volume, a volumeAttachment) map[string]any {
	return map[string]any{
		"volumeId": v.ID, "serverId": a.ServerID, "device": a.Device, "tag": nil, "delete_on_termination": false,
		"attachment_id": a.ID, "bdm_uuid": a.ID,
	}
}

// attachedTo lists the volumes of a server, in the order they came.
func (s *state) attachedTo(serverID string) []*volume {
	return inOrder(s.Volumes, func(v *volume) bool { return v.on(serverID) >= 0 })
}

// on is the index of the attachment to a server, -1 for none.
func (v *volume) on(serverID string) int {
	return slices.IndexFunc(v.Attachments, func(a volumeAttachment) bool { return a.ServerID == serverID })
}

func listServerVolumes(cl *call) (reply, *apiError) {
	s, fail := cl.serverInPath()
	if fail != nil {
		return refuse(fail)
	}
	items := []any{}
	for _, v := range cl.st.attachedTo(s.ID) {
		items = append(items, serverVolumeView(v, v.Attachments[v.on(s.ID)]))
	}
	return ok(map[string]any{"volumeAttachments": items})
}

func attachServerVolume(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("volumeAttachment")
	if fail != nil {
		return refuse(fail)
	}
	s, fail := cl.serverInPath()
	if fail != nil {
		return refuse(fail)
	}
	id := a.str("volumeId", "")
	v := cl.st.Volumes[id]
	if v == nil || !cl.who.owns(v.ProjectID) {
		return refuse(failf(http.StatusNotFound, "Volume %s could not be found.", id))
	}
	if s.Status != "ACTIVE" && s.Status != "SHUTOFF" {
		return refuse(failf(http.StatusConflict, "Cannot 'attach_volume' instance %s while it is in vm_state %s", s.ID, s.vmState()))
	}
	if v.Status != volumeAvailable {
		return refuse(failf(http.StatusBadRequest, "Invalid volume: volume %s is already attached to instances: %s", v.ID, v.Attachments[0].ServerID))
	}
	device := "/dev/vd" + string(rune('b'+len(cl.st.attachedTo(s.ID))))
	made := volumeAttachment{ID: newUUID(), ServerID: s.ID, Device: a.str("device", device), At: cl.now}
	v.Status, v.Attachments = volumeInUse, []volumeAttachment{made}
	v.touch(cl.now)
	return ok(map[string]any{"volumeAttachment": serverVolumeView(v, made)})
}

func (cl *call) serverVolumeInPath() (*server, *volume, *apiError) {
	s, fail := cl.serverInPath()
	if fail != nil {
		return nil, nil, fail
	}
	v := cl.st.Volumes[cl.path("volume")]
	if v == nil || v.on(s.ID) < 0 {
		return nil, nil, failf(http.StatusNotFound, "Instance %s is not attached to volume %s", s.ID, cl.path("volume"))
	}
	return s, v, nil
}

func showServerVolume(cl *call) (reply, *apiError) {
	s, v, fail := cl.serverVolumeInPath()
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"volumeAttachment": serverVolumeView(v, v.Attachments[v.on(s.ID)])})
}

func detachServerVolume(cl *call) (reply, *apiError) {
	s, v, fail := cl.serverVolumeInPath()
	if fail != nil {
		return refuse(fail)
	}
	v.detach(s.ID, cl.now)
	return reply{status: http.StatusAccepted}, nil
}

// detach frees the volume from a server that goes, or that lets go of it.
func (v *volume) detach(serverID string, now time.Time) {
	v.Attachments = slices.DeleteFunc(slices.Clone(v.Attachments), func(a volumeAttachment) bool { return a.ServerID == serverID })
	if len(v.Attachments) == 0 {
		v.Status = volumeAvailable
	}
	v.touch(now)
}

package sim

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

const cinderPrefix = "/volume/v3/"

// Statuses of a volume.
const (
	volumeAvailable = "available"
	volumeInUse     = "in-use"
)

// volume is one disk that outlives the servers it is attached to.
type volume struct {
	meta
	Size        int
	Status      string
	Type        string
	Metadata    map[string]string
	Attachments []volumeAttachment
}

type volumeAttachment struct {
	ID       string
	ServerID string
	Device   string
	At       time.Time
}

// cinderQuota is Cinder's own default for a project.
var cinderQuota = map[string]int{"volumes": 10, "gigabytes": 1000}

func (c *Cloud) cinderRoutes() {
	h := func(method, path string, fn handlerFunc) { c.handle(cinder, method+" "+cinderPrefix+path, fn) }
	h("POST", "volumes", createVolume)
	h("GET", "volumes", listVolumes(false))
	h("GET", "volumes/detail", listVolumes(true))
	h("GET", "volumes/{id}", showVolume)
	h("PUT", "volumes/{id}", updateVolume)
	h("DELETE", "volumes/{id}", deleteVolume)
	h("GET", "attachments", listAttachments(false))
	h("GET", "attachments/detail", listAttachments(true))
	h("GET", "attachments/{id}", showAttachment)
	h("GET", "os-quota-sets/{id}", showVolumeQuota)
}

func (cl *call) volumeView(v *volume, detail bool) map[string]any {
	out := map[string]any{"id": v.ID, "name": v.Name, "links": []link{{Rel: "self", Href: cl.baseURL() + cinderPrefix + "volumes/" + v.ID}}}
	if !detail {
		return out
	}
	attachments := []any{}
	for _, a := range v.Attachments {
		view := map[string]any{
			"id": v.ID, "volume_id": v.ID, "attachment_id": a.ID, "server_id": a.ServerID, "device": a.Device,
			"host_name": nil, "attached_at": novaStamp(a.At),
		}
		attachments = append(attachments, view)
	}
	maps.Copy(out, map[string]any{
		"status": v.Status, "size": v.Size, "volume_type": orDefault(v.Type, "__DEFAULT__"), "description": orNil(v.Description),
		"metadata": v.Metadata, "attachments": attachments, "availability_zone": "nova", "bootable": "false", "encrypted": false,
		"multiattach": false, "user_id": "", "snapshot_id": nil, "source_volid": nil, "replication_status": nil,
		"consistencygroup_id": nil, "created_at": novaStamp(v.CreatedAt), "updated_at": novaStamp(v.UpdatedAt),
		"os-vol-tenant-attr:tenant_id": v.ProjectID,
	})
	return out
}

func createVolume(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("volume")
	if fail != nil {
		return refuse(fail)
	}
	v := &volume{Size: a.integer("size", 0), Type: a.str("volume_type", ""), Status: volumeAvailable, Metadata: map[string]string{}}
	name, description := a.name(""), a.str("description", "")
	a.into("metadata", &v.Metadata)
	if a.fail != nil {
		return refuse(failf(http.StatusBadRequest, "%s", a.fail.message))
	}
	if v.Size < 1 {
		return refuse(failf(http.StatusBadRequest, "Invalid input received: Volume size '%d' must be an integer and greater than 0", v.Size))
	}
	own := inOrder(cl.st.Volumes, func(o *volume) bool { return o.ProjectID == cl.who.projectID })
	used := 0
	for _, o := range own {
		used += o.Size
	}
	switch {
	case len(own) >= cinderQuota["volumes"]:
		return refuse(failf(http.StatusRequestEntityTooLarge,
			"VolumeLimitExceeded: Maximum number of volumes allowed (%d) exceeded for quota 'volumes'.", cinderQuota["volumes"]))
	case used+v.Size > cinderQuota["gigabytes"]:
		return refuse(failf(http.StatusRequestEntityTooLarge, "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds "+
			"allowed gigabytes quota. Requested %dG, quota is %dG and %dG has been consumed.", v.Size, cinderQuota["gigabytes"], used))
	}
	v.meta = cl.st.newMeta(newUUID(), cl.now)
	v.Name, v.Description, v.ProjectID = name, description, cl.who.projectID
	cl.st.Volumes[v.ID] = v
	return reply{status: http.StatusAccepted, body: map[string]any{"volume": cl.volumeView(v, true)}}, nil
}

// listsProject reports whether a list shows a project: the caller's own, or any for an administrator that asks for all.
func (cl *call) listsProject(projectID string) bool {
	if cl.who.admin && equalFilter(orDefault(cl.query.Get("all_tenants"), "0"), "true") {
		want := cl.query.Get("project_id")
		return want == "" || want == projectID
	}
	return projectID == cl.who.projectID
}

func listVolumes(detail bool) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		items := []map[string]any{}
		found := inOrder(cl.st.Volumes, func(v *volume) bool {
			return cl.listsProject(v.ProjectID) && cl.fresh(&v.meta) && fits(cl.query, map[string]string{
				"name": v.Name, "status": v.Status, "id": v.ID,
			})
		})
		slices.Reverse(found) // Cinder lists the youngest first
		for _, v := range found {
			items = append(items, cl.volumeView(v, detail))
		}
		return cl.novaPage("volumes", items)
	}
}

func (cl *call) volume(id string) (*volume, *apiError) {
	v := cl.st.Volumes[id]
	if v == nil || !cl.who.owns(v.ProjectID) {
		return nil, failf(http.StatusNotFound, "Volume %s could not be found.", id)
	}
	return v, nil
}

func showVolume(cl *call) (reply, *apiError) {
	v, fail := cl.volume(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"volume": cl.volumeView(v, true)})
}

func updateVolume(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("volume")
	if fail != nil {
		return refuse(fail)
	}
	v, fail := cl.volume(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	name, description := a.name(v.Name), a.str("description", v.Description)
	metadata := maps.Clone(v.Metadata)
	a.into("metadata", &metadata)
	if a.fail != nil {
		return refuse(failf(http.StatusBadRequest, "%s", a.fail.message))
	}
	v.Name, v.Description, v.Metadata = name, description, metadata
	v.touch(cl.now)
	return ok(map[string]any{"volume": cl.volumeView(v, true)})
}

func deleteVolume(cl *call) (reply, *apiError) {
	v, fail := cl.volume(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	if v.Status != volumeAvailable {
		return refuse(failf(http.StatusBadRequest, "Invalid volume: Volume status must be available or error or error_restoring or "+
			"error_extending or error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a "+
			"transfer, or be disassociated from snapshots after volume transfer."))
	}
	delete(cl.st.Volumes, v.ID)
	return reply{status: http.StatusAccepted}, nil
}

func (cl *call) attachmentView(v *volume, a volumeAttachment, detail bool) map[string]any {
	out := map[string]any{"id": a.ID, "volume_id": v.ID, "instance": a.ServerID, "status": "attached"}
	if detail {
		out["attached_at"], out["detached_at"], out["attach_mode"] = novaStamp(a.At), "", "rw"
		out["connection_info"] = map[string]any{}
	}
	return out
}

func listAttachments(detail bool) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		items := []map[string]any{}
		for _, v := range inOrder(cl.st.Volumes, func(v *volume) bool { return cl.listsProject(v.ProjectID) }) {
			for _, a := range v.Attachments {
				if fits(cl.query, map[string]string{"volume_id": v.ID, "instance_id": a.ServerID}) {
					items = append(items, cl.attachmentView(v, a, detail))
				}
			}
		}
		return cl.novaPage("attachments", items)
	}
}

func showAttachment(cl *call) (reply, *apiError) {
	id := cl.path("id")
	for _, v := range cl.st.Volumes {
		for _, a := range v.Attachments {
			if a.ID == id && cl.who.owns(v.ProjectID) {
				return ok(map[string]any{"attachment": cl.attachmentView(v, a, true)})
			}
		}
	}
	return refuse(failf(http.StatusNotFound, "Volume attachment could not be found with filter: attachment_id = %s.", id))
}

func showVolumeQuota(cl *call) (reply, *apiError) {
	id := cl.path("id")
	if !cl.who.owns(id) {
		return refuse(failf(http.StatusForbidden, "Policy doesn't allow volume_extension:quotas:show to be performed."))
	}
	set := map[string]any{"id": id}
	for key, limit := range cinderQuota {
		set[key] = limit
	}
	return ok(map[string]any{"quota_set": set})
}

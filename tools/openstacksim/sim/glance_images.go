package sim

import (
	"crypto/md5" //nolint:gosec // Glance's checksum, not a protection
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
)

const glancePrefix = "/image/v2/"

func (c *Cloud) glanceRoutes() {
	h := func(method, path string, fn handlerFunc, flags ...routeFlags) {
		c.handle(glance, method+" "+glancePrefix+path, fn, flags...)
	}
	h("POST", "images", createImage)
	h("GET", "images", listImages)
	h("GET", "images/{id}", showImage)
	h("PATCH", "images/{id}", patchImage)
	h("DELETE", "images/{id}", deleteImage)
	h("PUT", "images/{id}/file", uploadImage, stream)
}

// imageKeys are the attributes that are not free properties.
var imageKeys = []string{
	"id", "name", "visibility", "container_format", "disk_format", "min_disk", "min_ram", "protected", "tags", "os_hidden",
}

func (cl *call) imageView(o *image) map[string]any {
	v := map[string]any{}
	for key, value := range o.Properties {
		v[key] = value
	}
	base := "/v2/images/" + o.ID
	for key, value := range map[string]any{
		"id": o.ID, "name": o.Name, "status": o.Status, "visibility": o.Visibility, "owner": o.ProjectID,
		"container_format": orNil(o.Container), "disk_format": orNil(o.Disk), "min_disk": o.MinDisk, "min_ram": o.MinRAM,
		"protected": o.Protected, "tags": o.Tags, "size": nil, "virtual_size": nil, "checksum": orNil(o.Checksum),
		"os_hidden": false, "created_at": stamp(o.CreatedAt), "updated_at": stamp(o.UpdatedAt),
		"self": base, "file": base + "/file", "schema": "/v2/schemas/image",
	} {
		v[key] = value
	}
	if o.Size != nil {
		v["size"] = *o.Size
	}
	return v
}

func (cl *call) seesImage(o *image) bool {
	return o.Visibility == "public" || o.Visibility == "community" || cl.who.owns(o.ProjectID)
}

func createImage(cl *call) (reply, *apiError) {
	a, fail := parseAttrs(cl.body)
	if fail != nil {
		return refuse(fail)
	}
	o := &image{
		Status: "queued", Visibility: a.str("visibility", "shared"), Container: a.str("container_format", ""),
		Disk: a.str("disk_format", ""), MinDisk: a.integer("min_disk", 0), MinRAM: a.integer("min_ram", 0),
		Protected: a.boolean("protected", false), Properties: map[string]string{},
	}
	id, name, tags := a.str("id", newUUID()), a.name(""), a.strings("tags", []string{})
	for key := range a.m {
		if !containsString(imageKeys, key) {
			o.Properties[key] = a.str(key, "")
		}
	}
	if a.fail != nil {
		return refuse(failf(http.StatusBadRequest, "%s", a.fail.message))
	}
	if o.Visibility == "public" && !cl.who.admin {
		return refuse(failf(http.StatusForbidden, "You are not authorized to complete publicize_image action."))
	}
	if cl.st.Images[id] != nil {
		return refuse(failf(http.StatusConflict, "Image ID %s already exists!", id))
	}
	o.meta = cl.st.newMeta(id, cl.now)
	o.Name, o.Tags, o.ProjectID = name, tags, cl.who.projectID
	cl.st.Images[id] = o
	return created(cl.imageView(o))
}

func listImages(cl *call) (reply, *apiError) {
	items := []map[string]any{}
	for _, o := range inOrder(cl.st.Images, func(o *image) bool {
		tags := true
		for _, t := range cl.query["tag"] {
			tags = tags && containsString(o.Tags, t)
		}
		return tags && cl.seesImage(o) && cl.fresh(&o.meta) && fits(cl.query, map[string]string{
			"name": o.Name, "status": o.Status, "visibility": o.Visibility, "owner": o.ProjectID, "id": o.ID,
			"os_distro": o.Properties["os_distro"],
		})
	}) {
		items = append(items, cl.imageView(o))
	}
	limit, fail := queryLimit(cl.query)
	if fail != nil {
		return refuse(fail)
	}
	if marker := cl.query.Get("marker"); marker != "" {
		for i, v := range items {
			if v["id"] == marker {
				items = items[i+1:]
				break
			}
		}
	}
	body := map[string]any{"first": "/v2/images", "schema": "/v2/schemas/images"}
	if limit > 0 && len(items) > limit {
		items = items[:limit]
		next := cl.pageLink("next", items[limit-1]["id"], false)
		body["next"] = strings.TrimPrefix(next.Href, cl.baseURL()+"/image")
	}
	body["images"] = items
	return ok(body)
}

func (cl *call) imageInPath() (*image, *apiError) {
	o := cl.st.Images[cl.path("id")]
	if o == nil || !cl.seesImage(o) {
		return nil, failf(http.StatusNotFound, "No image found with ID %s", cl.path("id"))
	}
	return o, nil
}

func (cl *call) ownImageInPath() (*image, *apiError) {
	o, fail := cl.imageInPath()
	if fail == nil && !cl.who.owns(o.ProjectID) {
		return nil, failf(http.StatusForbidden, "You are not permitted to modify this image.")
	}
	return o, fail
}

func showImage(cl *call) (reply, *apiError) {
	o, fail := cl.imageInPath()
	if fail != nil {
		return refuse(fail)
	}
	return ok(cl.imageView(o))
}

// patchImage takes the JSON patches that a client sends: add, replace and remove of
// top-level keys.
func patchImage(cl *call) (reply, *apiError) {
	var ops []struct {
		Op    string          `json:"op"`
		Path  string          `json:"path"`
		Value json.RawMessage `json:"value"`
	}
	if fail := cl.decode(&ops); fail != nil {
		return refuse(fail)
	}
	o, fail := cl.ownImageInPath()
	if fail != nil {
		return refuse(fail)
	}
	next := *o
	next.Properties = map[string]string{}
	for k, v := range o.Properties {
		next.Properties[k] = v
	}
	for _, op := range ops {
		key := strings.TrimPrefix(op.Path, "/")
		if op.Op == "remove" {
			delete(next.Properties, key)
			continue
		}
		if err := next.set(key, op.Value); err != nil {
			return refuse(failf(http.StatusBadRequest, "Invalid value for %s: %s", key, err))
		}
	}
	next.touch(cl.now)
	*o = next
	return ok(cl.imageView(o))
}

func (o *image) set(key string, raw json.RawMessage) error {
	targets := map[string]any{
		"name": &o.Name, "visibility": &o.Visibility, "tags": &o.Tags, "min_disk": &o.MinDisk, "min_ram": &o.MinRAM,
		"protected": &o.Protected, "disk_format": &o.Disk, "container_format": &o.Container,
	}
	if target, known := targets[key]; known {
		return json.Unmarshal(raw, target)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	o.Properties[key] = text
	return nil
}

func deleteImage(cl *call) (reply, *apiError) {
	o, fail := cl.ownImageInPath()
	if fail != nil {
		return refuse(fail)
	}
	if o.Protected {
		return refuse(failf(http.StatusForbidden, "Image %s is protected and cannot be deleted.", o.ID))
	}
	delete(cl.st.Images, o.ID)
	return noContent()
}

// uploadImage counts the data and forgets it; nothing ever boots from it.
func uploadImage(cl *call) (reply, *apiError) {
	o, fail := cl.ownImageInPath()
	if fail != nil {
		return refuse(fail)
	}
	if o.Status != "queued" {
		return refuse(failf(http.StatusConflict, "Image status transition from %s to saving is not allowed", o.Status))
	}
	size := cl.r.ContentLength
	o.Size, o.Status = &size, "active"
	sum := md5.Sum([]byte(o.ID)) //nolint:gosec // see the import
	o.Checksum = hex.EncodeToString(sum[:])
	o.touch(cl.now)
	return noContent()
}

package sim_test

import (
	"net/http"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/attachments"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/quotasets"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/volumeattach"

	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func TestVolume_ofAnotherProject_isOutOfReach(t *testing.T) {
	l := start(t, sim.Options{})
	a, b := l.tenant("a"), l.tenant("b")
	v, err := volumes.Create(t.Context(), a.volume, volumes.CreateOpts{Name: "data", Size: 10, Metadata: map[string]string{"k": "v"}}, nil).Extract()
	must(t, err)
	_, err = volumes.Get(t.Context(), b.volume, v.ID).Extract()
	wantStatus(t, err, http.StatusNotFound, "could not be found")
	id, err := b.boot(t, "one", l.image("node"), l.flavor("m1", 1, nil), "", servers.Network{UUID: b.net(t, "n", "10.64.0.0/24")})
	must(t, err)
	_, err = volumeattach.Create(t.Context(), b.compute, id, volumeattach.CreateOpts{VolumeID: v.ID}).Extract()
	wantStatus(t, err, http.StatusNotFound, "could not be found")
	for name, opts := range map[string]volumes.ListOpts{"own": {}, "all, asked by a member": {AllTenants: true}} {
		pages, err := volumes.List(b.volume, opts).AllPages(t.Context())
		must(t, err)
		if found, err := volumes.ExtractVolumes(pages); err != nil || len(found) > 0 {
			t.Errorf("%s: %v %v", name, found, err)
		}
	}
	renamed, err := volumes.Update(t.Context(), l.admin.volume, v.ID, volumes.UpdateOpts{Name: p("renamed")}).Extract()
	must(t, err)
	if renamed.Name != "renamed" || renamed.Metadata["k"] != "v" || renamed.Size != 10 {
		t.Errorf("renamed: %+v", renamed)
	}
}

func TestAttachment_serverOfTheVolume_isListed(t *testing.T) {
	l := start(t, sim.Options{})
	tn := l.tenant("a")
	img, fl, netID := l.image("node"), l.flavor("m1", 1, nil), tn.net(t, "n", "10.64.0.0/24")
	id, err := tn.boot(t, "one", img, fl, "", servers.Network{UUID: netID})
	must(t, err)
	other, err := tn.boot(t, "two", img, fl, "", servers.Network{UUID: netID})
	must(t, err)
	v, err := volumes.Create(t.Context(), tn.volume, volumes.CreateOpts{Name: "data", Size: 1}, nil).Extract()
	must(t, err)
	made, err := volumeattach.Create(t.Context(), tn.compute, id, volumeattach.CreateOpts{VolumeID: v.ID}).Extract()
	must(t, err)
	if made.ServerID != id || made.Device != "/dev/vdb" {
		t.Errorf("attachment: %+v", made)
	}
	_, err = volumeattach.Create(t.Context(), tn.compute, other, volumeattach.CreateOpts{VolumeID: v.ID}).Extract()
	wantStatus(t, err, http.StatusBadRequest, "already attached")
	pages, err := attachments.List(tn.volume, attachments.ListOpts{VolumeID: v.ID}).AllPages(t.Context())
	must(t, err)
	found, err := attachments.ExtractAttachments(pages)
	must(t, err)
	if len(found) != 1 || found[0].Instance != id {
		t.Fatalf("attachments: %+v", found)
	}
	if _, err := attachments.Get(t.Context(), tn.volume, found[0].ID).Extract(); err != nil {
		t.Error(err)
	}
	if s := l.server(id); len(s.AttachedVolumes) != 1 || s.AttachedVolumes[0].ID != v.ID {
		t.Errorf("volumes of the server: %+v", s.AttachedVolumes)
	}
	must(t, volumeattach.Delete(t.Context(), tn.compute, id, v.ID).ExtractErr())
	_, err = volumeattach.Get(t.Context(), tn.compute, id, v.ID).Extract()
	wantStatus(t, err, http.StatusNotFound, "is not attached")
}

func TestVolume_overQuota_isRefused(t *testing.T) {
	l := start(t, sim.Options{})
	tn := l.tenant("a")
	q, err := quotasets.Get(t.Context(), tn.volume, tn.projectID).Extract()
	must(t, err)
	_, err = volumes.Create(t.Context(), tn.volume, volumes.CreateOpts{Name: "fat", Size: q.Gigabytes + 1}, nil).Extract()
	wantStatus(t, err, http.StatusRequestEntityTooLarge, "gigabytes quota")
	for range q.Volumes {
		_, err = volumes.Create(t.Context(), tn.volume, volumes.CreateOpts{Name: "data", Size: 1}, nil).Extract()
		must(t, err)
	}
	_, err = volumes.Create(t.Context(), tn.volume, volumes.CreateOpts{Name: "one more", Size: 1}, nil).Extract()
	wantStatus(t, err, http.StatusRequestEntityTooLarge, "VolumeLimitExceeded")
	_, err = volumes.Create(t.Context(), tn.volume, volumes.CreateOpts{Name: "none"}, nil).Extract()
	wantStatus(t, err, http.StatusBadRequest, "greater than 0")
}

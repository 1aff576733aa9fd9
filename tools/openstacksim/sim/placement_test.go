package sim_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/placement/v1/resourceproviders"
	"github.com/gophercloud/gophercloud/v2/openstack/placement/v1/traits"

	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func (l *lab) provider(name string) resourceproviders.ResourceProvider {
	l.t.Helper()
	pages, err := resourceproviders.List(l.admin.plac, resourceproviders.ListOpts{Name: name}).AllPages(l.t.Context())
	must(l.t, err)
	found, err := resourceproviders.ExtractResourceProviders(pages)
	must(l.t, err)
	if len(found) != 1 {
		l.t.Fatalf("providers named %s: %+v", name, found)
	}
	return found[0]
}

// dedicate gives a host the ratio 1 and the trait of dedicated hosts.
func (l *lab) dedicate(host string) {
	l.t.Helper()
	ctx, c := l.t.Context(), l.admin.plac
	must(l.t, traits.Create(ctx, c, "CUSTOM_DEDICATED").ExtractErr())
	id := l.provider(host).UUID
	inv, err := resourceproviders.GetInventory(ctx, c, id, "VCPU").Extract()
	must(l.t, err)
	inv.AllocationRatio = 1
	_, err = resourceproviders.UpdateInventory(ctx, c, id, "VCPU", *inv).Extract()
	must(l.t, err)
	_, err = resourceproviders.UpdateInventory(ctx, c, id, "VCPU", *inv).Extract()
	wantStatus(l.t, err, http.StatusConflict, "placement.concurrent_update")
	have, err := resourceproviders.GetTraits(ctx, c, id).Extract()
	must(l.t, err)
	_, err = resourceproviders.UpdateTraits(ctx, c, id, resourceproviders.UpdateTraitsOpts{
		ResourceProviderGeneration: have.ResourceProviderGeneration, Traits: append(have.Traits, "CUSTOM_DEDICATED"),
	}).Extract()
	must(l.t, err)
}

func TestPlacement(t *testing.T) {
	l := start(t, sim.Options{})
	ctx, c := t.Context(), l.admin.plac
	rp := l.provider("cmp1")
	all, err := resourceproviders.GetInventories(ctx, c, rp.UUID).Extract()
	must(t, err)
	if all.Inventories["VCPU"].Total != 32 || all.Inventories["MEMORY_MB"].Total != 131072 {
		t.Fatalf("inventories: %+v", all)
	}
	put := func(consumer string, body map[string]any) error {
		_, err := c.Put(ctx, c.ServiceURL("allocations", consumer), body, nil, &gophercloud.RequestOpts{OkCodes: []int{204}})
		return err
	}
	body := func(vcpus int, generation any) map[string]any {
		return map[string]any{
			"allocations": map[string]any{rp.UUID: map[string]any{"resources": map[string]int{"VCPU": vcpus}}},
			"project_id":  "p1", "user_id": "u1", "consumer_type": "INSTANCE", "consumer_generation": generation,
		}
	}
	const consumer = "6f1e2c7a-0000-4000-8000-000000000001"
	wantStatus(t, put(consumer, body(33, nil)), http.StatusConflict, "would exceed the capacity")
	must(t, put(consumer, body(16, nil)))
	wantStatus(t, put(consumer, body(8, nil)), http.StatusConflict, "placement.concurrent_update")
	must(t, put(consumer, body(8, 1)))
	used, err := resourceproviders.GetUsages(ctx, c, rp.UUID).Extract()
	must(t, err)
	if used.Usages["VCPU"] != 8 {
		t.Fatalf("usages: %+v", used)
	}
	wantStatus(t, resourceproviders.DeleteInventory(ctx, c, rp.UUID, "VCPU").ExtractErr(), http.StatusConflict, "in use")
	wantStatus(t, resourceproviders.Delete(ctx, c, rp.UUID).ExtractErr(), http.StatusConflict, "has allocations")
	var candidates struct {
		Requests []any `json:"allocation_requests"`
	}
	_, err = c.Get(ctx, c.ServiceURL("allocation_candidates")+"?resources=VCPU:1,MEMORY_MB:1024&required=!CUSTOM_X", &candidates, nil)
	must(t, err)
	if len(candidates.Requests) != 4 {
		t.Fatalf("candidates: %+v", candidates)
	}
	_, err = c.Delete(ctx, c.ServiceURL("allocations", consumer), nil)
	must(t, err)

	made, err := resourceproviders.Create(ctx, c, resourceproviders.CreateOpts{Name: "extra"}).Extract()
	must(t, err)
	_, err = resourceproviders.Create(ctx, c, resourceproviders.CreateOpts{Name: "extra"}).Extract()
	wantStatus(t, err, http.StatusConflict, "already exists")
	must(t, resourceproviders.Delete(ctx, c, made.UUID).ExtractErr())
	wantStatus(t, traits.Create(ctx, c, "NOT_CUSTOM").ExtractErr(), http.StatusBadRequest, "CUSTOM_")
	must(t, traits.Create(ctx, c, "CUSTOM_X").ExtractErr())
	must(t, traits.Delete(ctx, c, "CUSTOM_X").ExtractErr())
	wantStatus(t, traits.Get(ctx, c, "CUSTOM_X").ExtractErr(), http.StatusNotFound, "No such trait")
	tn := l.tenant("a")
	_, err = tn.plac.Get(ctx, tn.plac.ServiceURL("resource_providers"), nil, nil)
	wantStatus(t, err, http.StatusForbidden, "Access was denied")
}

func TestImages(t *testing.T) {
	l := start(t, sim.Options{})
	ctx, c := t.Context(), l.admin.image
	tn := l.tenant("a")
	_, err := images.Create(ctx, tn.image, images.CreateOpts{Name: "x", Visibility: p(images.ImageVisibilityPublic)}).Extract()
	wantStatus(t, err, http.StatusForbidden, "publicize_image")
	id := l.image("node")
	got, err := images.Get(ctx, tn.image, id).Extract()
	must(t, err)
	if got.Status != images.ImageStatusActive || got.SizeBytes != 10 || got.Properties["os_distro"] != "debian" {
		t.Fatalf("image: %+v", got)
	}
	wantStatus(t, imagedata.Upload(ctx, c, id, strings.NewReader("again")).ExtractErr(), http.StatusConflict, "is not allowed")
	for range 3 {
		l.image("more")
	}
	pages, err := images.List(tn.image, images.ListOpts{Limit: 2}).AllPages(ctx)
	must(t, err)
	list, err := images.ExtractImages(pages)
	must(t, err)
	if len(list) != 4 {
		t.Fatalf("images: %d", len(list))
	}
	upd, err := images.Update(ctx, c, id, images.UpdateOpts{images.ReplaceImageName{NewName: "renamed"}}).Extract()
	must(t, err)
	if upd.Name != "renamed" {
		t.Fatalf("renamed: %+v", upd)
	}
	wantStatus(t, images.Delete(ctx, tn.image, id).ExtractErr(), http.StatusForbidden, "not permitted")
	must(t, images.Delete(ctx, c, id).ExtractErr())
	_, err = images.Get(ctx, c, id).Extract()
	wantStatus(t, err, http.StatusNotFound, "No image found with ID "+id)
}

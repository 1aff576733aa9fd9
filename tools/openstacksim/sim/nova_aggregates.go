package sim

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

func aggregateView(a *aggregate) map[string]any {
	return map[string]any{
		"id": a.Number, "uuid": a.ID, "name": a.Name, "availability_zone": orNil(a.Zone),
		"hosts": orEmpty(a.Hosts), "metadata": a.Metadata, "deleted": false, "deleted_at": nil,
		"created_at": novaStamp(a.CreatedAt), "updated_at": novaStamp(a.UpdatedAt),
	}
}

func listAggregates(cl *call) (reply, *apiError) {
	items := []any{}
	for _, a := range inOrder(cl.st.Aggregates, func(a *aggregate) bool { return cl.fresh(&a.meta) }) {
		items = append(items, aggregateView(a))
	}
	return ok(map[string]any{"aggregates": items})
}

func createAggregate(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("aggregate")
	if fail != nil {
		return refuse(fail)
	}
	g := &aggregate{Zone: a.str("availability_zone", ""), Metadata: map[string]string{}}
	name := a.name("")
	if a.fail != nil {
		return refuse(a.fail)
	}
	if name == "" {
		return refuse(failf(http.StatusBadRequest, "Invalid input for field/attribute name. Value: . '' is too short"))
	}
	if _, taken := find(cl.st.Aggregates, func(o *aggregate) bool { return o.Name == name }); taken {
		return refuse(failf(http.StatusConflict, "Aggregate %s already exists.", name))
	}
	if g.Zone != "" {
		g.Metadata["availability_zone"] = g.Zone
	}
	g.meta = cl.st.newMeta(newUUID(), cl.now)
	g.Name, g.Number = name, cl.st.NextAggregate
	cl.st.NextAggregate++
	cl.st.Aggregates[g.ID] = g
	return ok(map[string]any{"aggregate": aggregateView(g)})
}

func (cl *call) aggregateInPath() (*aggregate, *apiError) {
	n, err := strconv.Atoi(cl.path("id"))
	if err != nil {
		return nil, failf(http.StatusBadRequest, "Invalid aggregate id %s", cl.path("id"))
	}
	g, found := find(cl.st.Aggregates, func(o *aggregate) bool { return o.Number == n })
	if !found {
		return nil, errNova404("Aggregate", cl.path("id"))
	}
	return g, nil
}

func showAggregate(cl *call) (reply, *apiError) {
	g, fail := cl.aggregateInPath()
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"aggregate": aggregateView(g)})
}

func updateAggregate(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("aggregate")
	if fail != nil {
		return refuse(fail)
	}
	g, fail := cl.aggregateInPath()
	if fail != nil {
		return refuse(fail)
	}
	g.Name = a.name(g.Name)
	if a.has("availability_zone") {
		g.Zone = a.str("availability_zone", "")
		g.setMetadata(map[string]*string{"availability_zone": &g.Zone})
	}
	g.touch(cl.now)
	return ok(map[string]any{"aggregate": aggregateView(g)})
}

func deleteAggregate(cl *call) (reply, *apiError) {
	g, fail := cl.aggregateInPath()
	if fail != nil {
		return refuse(fail)
	}
	if len(g.Hosts) > 0 {
		return refuse(failf(http.StatusBadRequest, "Cannot remove host aggregate %d: host aggregate is not empty.", g.Number))
	}
	delete(cl.st.Aggregates, g.ID)
	return reply{status: http.StatusOK}, nil
}

func (a *aggregate) setMetadata(change map[string]*string) {
	next := maps.Clone(a.Metadata)
	for k, v := range change {
		if v == nil {
			delete(next, k)
		} else {
			next[k] = *v
		}
	}
	a.Metadata = next
}

func actOnAggregate(cl *call) (reply, *apiError) {
	var body map[string]json.RawMessage
	if fail := cl.decode(&body); fail != nil {
		return refuse(fail)
	}
	g, fail := cl.aggregateInPath()
	if fail != nil {
		return refuse(fail)
	}
	var arg struct {
		Host     string             `json:"host"`
		Metadata map[string]*string `json:"metadata"`
	}
	for name, raw := range body {
		if err := json.Unmarshal(raw, &arg); err != nil {
			return refuse(failf(http.StatusBadRequest, "Malformed request body"))
		}
		switch name {
		case "add_host":
			fail = cl.addHost(g, arg.Host)
		case "remove_host":
			fail = g.removeHost(arg.Host)
		case "set_metadata":
			g.setMetadata(arg.Metadata)
		default:
			fail = failf(http.StatusBadRequest, "There is no such action: %s", name)
		}
		if fail != nil {
			return refuse(fail)
		}
	}
	g.touch(cl.now)
	return ok(map[string]any{"aggregate": aggregateView(g)})
}

// addHost mirrors the aggregate to Placement, as Nova does.
func (cl *call) addHost(g *aggregate, host string) *apiError {
	h, found := find(cl.st.Hosts, func(h *computeHost) bool { return h.Name == host })
	if !found {
		return errNova404("Compute host", host)
	}
	if slices.Contains(g.Hosts, host) {
		return failf(http.StatusConflict, "Cannot add host %s in aggregate %d: host already exists", host, g.Number)
	}
	g.Hosts = append(slices.Clone(g.Hosts), host)
	if p := cl.st.Providers[h.ID]; p != nil && !slices.Contains(p.Aggregates, g.ID) {
		p.Aggregates = append(slices.Clone(p.Aggregates), g.ID)
		p.Generation++
	}
	return nil
}

func (a *aggregate) removeHost(host string) *apiError {
	if !slices.Contains(a.Hosts, host) {
		return failf(http.StatusNotFound, "Cannot remove host %s in aggregate %d: not found", host, a.Number)
	}
	a.Hosts = without(a.Hosts, host)
	return nil
}

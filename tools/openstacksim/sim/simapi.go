package sim

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

// simRoutes is the control side: no tokens, no faults, not counted.
func (c *Cloud) simRoutes() {
	c.mux.HandleFunc("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		c.answer(w, http.StatusOK, map[string]any{"faults": c.Faults()})
	})
	c.mux.HandleFunc("POST /_sim/faults", c.postFault)
	c.mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		c.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	c.mux.HandleFunc("DELETE /_sim/faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.PathValue("id"))
		if err != nil || !c.RemoveFault(id) {
			c.answer(w, http.StatusNotFound, map[string]any{"error": "no such fault"})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	c.mux.HandleFunc("GET /_sim/calls", func(w http.ResponseWriter, _ *http.Request) {
		c.answer(w, http.StatusOK, map[string]any{"counts": c.CallCounts(), "calls": c.Calls()})
	})
	c.mux.HandleFunc("DELETE /_sim/calls", func(w http.ResponseWriter, _ *http.Request) {
		c.ResetCalls()
		w.WriteHeader(http.StatusNoContent)
	})
	c.mux.HandleFunc("GET /_sim/inventory", func(w http.ResponseWriter, r *http.Request) {
		c.answer(w, http.StatusOK, map[string]any{"objects": c.Inventory(r.URL.Query().Get("owner"))})
	})
	c.mux.HandleFunc("POST /_sim/reset", func(w http.ResponseWriter, _ *http.Request) {
		c.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
}

func (c *Cloud) postFault(w http.ResponseWriter, r *http.Request) {
	dec := json.NewDecoder(io.LimitReader(r.Body, maxBody))
	dec.DisallowUnknownFields()
	var f Fault
	if err := dec.Decode(&f); err != nil {
		c.answer(w, http.StatusBadRequest, map[string]any{"error": err.Error()})
		return
	}
	id, err := c.AddFault(f)
	if err != nil {
		c.answer(w, http.StatusBadRequest, map[string]any{"error": err.Error()})
		return
	}
	c.answer(w, http.StatusCreated, map[string]any{"id": id})
}

func (c *Cloud) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		c.opts.Logger.Debug("write answer", "error", err)
	}
}

package fake

// Refresh implements topology.Snapshots. A fake has no cache, so Refresh does nothing.
func (t *Topology) Refresh() {}

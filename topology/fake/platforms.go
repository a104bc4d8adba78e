package fake

import (
	"context"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Platform implements topology.Platforms. It returns the platform from the options.
func (t *Topology) Platform(ctx context.Context) (topology.Platform, error) {
	if err := t.begin(ctx, adapter.Read(topology.KindPlatform, "")); err != nil {
		return topology.Platform{}, err
	}
	return t.state.platform.Clone(), nil
}

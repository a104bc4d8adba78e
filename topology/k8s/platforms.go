package k8s

import (
	"context"
	"time"

	"github.com/polyphony-go/polyphony/internal/kube/discovery"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// platformAge is how long a discovered platform is valid.
const platformAge = time.Minute

// platformCache holds the discovered platform. Only one caller at a time discovers it, so that many
// concurrent tenants discover it once.
type platformCache struct {
	turn     chan struct{} // holds one value while a caller discovers
	read     time.Time
	platform topology.Platform
}

func newPlatformCache() *platformCache { return &platformCache{turn: make(chan struct{}, 1)} }

// Platform implements topology.Platforms. Its answer is at most a minute old.
func (t *Topology) Platform(ctx context.Context) (topology.Platform, error) {
	c := adapter.Read(topology.KindPlatform, "")
	have := t.platform
	select {
	case have.turn <- struct{}{}:
		defer func() { <-have.turn }()
	case <-ctx.Done():
		return topology.Platform{}, c.Stopped(ctx)
	}
	if ctx.Err() != nil {
		return topology.Platform{}, c.Stopped(ctx)
	}
	if age := time.Since(have.read); !have.read.IsZero() && age < platformAge {
		return have.platform.Clone(), nil
	}
	var p topology.Platform
	err := t.retry.Do(ctx, c, func(ctx context.Context) (err error) {
		p, err = discovery.Platform(ctx, t.server, discovery.Known{
			OwnRanges: t.opts.OwnRanges, DNS: t.opts.DNS,
			IngressControllers: t.opts.IngressControllers, Monitoring: t.opts.Monitoring,
		})
		return err
	})
	if err != nil {
		return topology.Platform{}, err
	}
	have.read, have.platform = time.Now(), p
	return p.Clone(), nil
}

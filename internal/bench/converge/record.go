package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
)

// record is what was measured, and on what.
type record struct {
	Machine  machine
	Objects  int // of one tenant
	Results  []result
	InMemory []inMemory
}

type machine struct {
	Cores      int
	Go         string
	Kubernetes string            // the server's version, and kubectl's
	Modules    map[string]string // versions of what contestants are made of
}

// result is one measurement.
type result struct {
	Round      int
	Tenants    int
	Contestant string
	Phase      phase
	outcome
	Server *serverWork `json:",omitempty"` // only with -large
}

// String returns one line for the log.
func (r result) String() string {
	return fmt.Sprintf("round %d, %d tenants, %s, %s: %.2f s, %d requests, %.2f s of the API server", r.Round+1, r.Tenants, r.Contestant, r.Phase, r.Seconds, r.Requests, r.ServerCPU)
}

var compared = []string{"github.com/fluxcd/pkg/ssa", "sigs.k8s.io/controller-runtime", "k8s.io/client-go"}

func thisMachine() machine {
	m := machine{Cores: runtime.NumCPU(), Go: runtime.Version(), Modules: map[string]string{}}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if slices.Contains(compared, module.Path) {
				m.Modules[module.Path] = module.Version
			}
		}
	}
	return m
}

func load(path string) (r record, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

func (r record) save(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// sizes returns the numbers of tenants that every contestant ran, in ascending order.
func (r record) sizes() []int {
	var all []int
	for _, x := range r.Results {
		if x.Phase == provisioning {
			all = append(all, x.Tenants)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// largest is the largest of them.
func (r record) largest() int {
	all := r.sizes()
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1]
}

// beyond is the number of tenants of which only the unchanged re-run was measured; 0: none.
func (r record) beyond() int {
	most := 0
	for _, x := range r.Results {
		most = max(most, x.Tenants)
	}
	if most > r.largest() {
		return most
	}
	return 0
}

func (r record) rounds() int {
	most := 0
	for _, x := range r.Results {
		most = max(most, x.Round+1)
	}
	return most
}

func (r record) outcomes() []outcome {
	var all []outcome
	for _, x := range r.Results {
		all = append(all, x.outcome)
	}
	return all
}

// median has the median of each figure over the rounds.
func (r record) median(n int, contestant string, phase phase) (o outcome, measured bool) {
	var all []outcome
	for _, x := range r.Results {
		if x.Tenants == n && x.Contestant == contestant && x.Phase == phase {
			all = append(all, x.outcome)
		}
	}
	if len(all) == 0 {
		return o, false
	}
	return outcome{
		Seconds:   middle(all, func(o outcome) float64 { return o.Seconds }),
		Requests:  middle(all, func(o outcome) int64 { return o.Requests }),
		Sent:      middle(all, func(o outcome) int64 { return o.Sent }),
		Received:  middle(all, func(o outcome) int64 { return o.Received }),
		ServerCPU: middle(all, func(o outcome) float64 { return o.ServerCPU }),
		Memory:    middle(all, func(o outcome) int64 { return o.Memory }),
	}, true
}

func middle[M any, T int64 | float64](all []M, figure func(M) T) T {
	var figures []T
	for _, o := range all {
		figures = append(figures, figure(o))
	}
	slices.Sort(figures)
	return figures[len(figures)/2]
}

// bestPeer is the peer that took the least time.
func (r record) bestPeer(n int, phase phase) (o outcome, name string) {
	for _, e := range entrants {
		peer, measured := r.median(n, e.name, phase)
		if measured && e.name != floorName && e.name != polyphonyName && (name == "" || peer.Seconds < o.Seconds) {
			o, name = peer, e.name
		}
	}
	return o, name
}

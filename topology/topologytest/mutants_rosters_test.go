package topologytest

import (
	"slices"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
)

func rosterListMutants() []mutant {
	const listed = "Tenants are listed by name, with their rosters, and without foreign namespaces"
	m := func(alter func(all *[]topology.Namespace)) mutant {
		return mutant{"Rosters", listed, func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.After(&top.OnTenants, func(_ string, all *[]topology.Namespace, _ *error) { alter(all) })
		}}
	}
	return []mutant{
		m(func(all *[]topology.Namespace) { slices.Reverse(*all) }),
		m(forgetRosters),
		m(func(all *[]topology.Namespace) {
			*all = append(*all, topology.Namespace{Name: "zzz", Owner: "somebody"})
		}),
		m(func(all *[]topology.Namespace) {
			*all = slices.DeleteFunc(*all, func(ns topology.Namespace) bool { return ns.Roster == "" })
		}),
		{"Rosters", "A cancelled context gets no answer", func(top, _ *puppet.Puppet, _ *brokenOutsider) { puppet.Uncancelled(&top.OnTenants) }},
	}
}

func forgetRosters(all *[]topology.Namespace) {
	for i := range *all {
		(*all)[i].Roster = ""
	}
}
